package http1

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

// FuzzAKnownHeadMeansTheSame sends the same bytes again and again on one connection: what the application sees, and what
// becomes of the connection, must not depend on whether the head was parsed or recalled.
func FuzzAKnownHeadMeansTheSame(f *testing.F) {
	addCases(f, func(input []byte) { f.Add(input) })
	f.Fuzz(func(t *testing.T, input []byte) {
		cfg := fuzzConfig(false)
		for _, retain := range []bool{false, true} {
			var seen []string
			recalled := 0
			parts := [][]byte{input, input, input, input}
			play(cfg, parts, func(c *Conn) error {
				q := &c.req
				if c.known.unlike == 0 && len(c.known.text) > 0 {
					recalled++
				}
				if retain {
					q.Retain()
				}
				var b strings.Builder
				fmt.Fprint(&b, q.Method(), q.RawTarget(), q.Path(), q.RawQuery(), q.Host(), q.Protocol(), q.ContentLength(), q.authority, q.absolute,
					q.close, q.keepAlive, q.upgrade, q.expect, q.hasTE, q.chunked, q.conflicted, q.hosts, q.lengths)
				for name, value := range q.Header().All() {
					fmt.Fprintf(&b, "|%q:%q", name, value)
				}
				seen = append(seen, b.String())
				return nil
			})
			if c := len(seen) - 1; recalled > 0 && len(input) > 0 && strings.Count(string(input), "\n\r\n") == 1 {
				for i := 1; i <= c; i++ {
					if seen[i] != seen[0] {
						t.Fatalf("retain %v: the first time %q, the %dth time %q", retain, seen[0], i+1, seen[i])
					}
				}
			}
		}
	})
}

func TestOnlyWhatIsTheSameIsRecalled(t *testing.T) {
	const plain = "GET /a?b HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n"
	for _, tt := range []struct {
		why      string
		requests []string
		recalled int
	}{
		{"the same again", []string{plain, plain, plain}, 2},
		{"one byte differs", []string{plain, strings.Replace(plain, "X: y", "X: z", 1), plain}, 1},
		{"credentials are not kept", []string{strings.Replace(plain, "X: y", "Cookie: y", 1), strings.Replace(plain, "X: y", "Cookie: y", 1)}, 0},
		{"a body is not", []string{strings.Replace(plain, "X: y", "Content-Length: 0\r\nX: y", 1), strings.Replace(plain, "X: y", "Content-Length: 1", 1) + "x"}, 0},
	} {
		recalled := 0
		play(fuzzConfig(false), [][]byte{[]byte(strings.Join(tt.requests, ""))}, func(c *Conn) error {
			if len(c.known.text) > 0 && c.req.memory != "" && unsafe.SliceData(c.known.text) == unsafe.StringData(c.req.memory) {
				recalled++
			}
			return nil
		})
		if recalled != tt.recalled {
			t.Errorf("%s: %d requests were recalled, want %d", tt.why, recalled, tt.recalled)
		}
	}
}
