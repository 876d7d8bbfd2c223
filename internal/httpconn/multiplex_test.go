package httpconn

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/transport"
)

// h2Begin is what a client of HTTP/2 begins with: the preface, empty SETTINGS, and a request for "/" of "h".
const h2Begin = http2.Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01h"

// Frames as a test looks for them: from their type on, or from what stands before.
const (
	goAwayTwice      = "\x07\x00\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00\x00\x00" // the first of two
	settingsFirst    = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"                     // RFC 9113 §3.4: the server's preface
	goAwayRequired11 = settingsFirst + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0d"
)

// claimed is a manager some of whose connections are another's.
func claimed(t *testing.T, says Multiplexing, idle bool) (s *testServer, released *[]string) {
	released = new([]string)
	cfg := Config{
		Claim:     func(*http1.Request, any) bool { return true },
		Multiplex: func(any) Multiplexing { return says },
		Released: func(nc net.Conn, unread []byte, _ any) {
			*released = append(*released, string(unread))
			nc.Close()
		},
		ReturnIdle: idle,
	}
	s = serve(t, cfg, httpApp(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		io.WriteString(w, r.Proto)
	}))
	return s, released
}

// readAll is everything that the client receives until it has been quiet for some time.
func (c *client) readAll() string {
	var all strings.Builder
	buf := make([]byte, 4096)
	for {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := c.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			return all.String()
		}
	}
}

func TestAConnectionThatMayChangeItsOwnerIsAskedAboutHTTP2(t *testing.T) {
	for _, tt := range []struct {
		why      string
		says     Multiplexing
		answer   string // a part of it
		released bool
	}{
		{"it is served to its end", ServeHTTP2, "HTTP/2.0", false},
		{"it is somebody else's", ReleaseHTTP2, "", true},
		{"HTTP/1.1 is required", RefuseHTTP2, goAwayRequired11, false},
	} {
		bubble(t, func(t *testing.T) {
			s, released := claimed(t, tt.says, false)
			var states []State
			c := s.dialWith(Options{OnState: func(_ transport.Link, st State) { states = append(states, st) }})
			c.write(h2Begin)
			got := c.readAll()
			if !strings.Contains(got, tt.answer) {
				t.Errorf("%s: the client reads %q", tt.why, got)
			}
			if tt.released != slices.Equal(*released, []string{h2Begin}) {
				t.Errorf("%s: released with %q", tt.why, *released)
			}
			if served := tt.says == ServeHTTP2; served != (len(states) > 0 && states[len(states)-1] == Upgraded) {
				t.Errorf("%s: the states are %v; after a crash nobody can go on with an HTTP/2 connection, and with others can", tt.why, states)
			}
			c.Close()
			synctest.Wait()
		})
	}
}

func TestWithoutAWordHTTP2IsNotSpokenWhereRequestsAreClaimed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{Claim: func(*http1.Request, any) bool { return true }}, httpApp(hello))
		c := s.dial()
		c.write(h2Begin)
		if got := c.readAll(); !strings.Contains(got, goAwayRequired11) {
			t.Errorf("the client reads %q, want HTTP_1_1_REQUIRED", got)
		}
	})
}

func TestAnHTTP2ConnectionIsDrainedRatherThanReturned(t *testing.T) {
	for _, all := range []bool{true, false} { // the whole manager drains, or only HTTP/2 does
		bubble(t, func(t *testing.T) {
			s, released := claimed(t, ServeHTTP2, true)
			c, other := s.dial(), s.dial()
			c.write(h2Begin)
			synctest.Wait()
			if all {
				s.m.Drain()
			} else {
				s.m.DrainHTTP2()
			}
			got := c.readAll()
			if !strings.Contains(got, goAwayTwice) || !strings.Contains(got, "HTTP/2.0") {
				t.Errorf("the client reads %q, want two GOAWAY, and the answer to what it had asked", got)
			}
			synctest.Wait()
			if n := len(*released); n != 0 && !all || n != 1 && all {
				t.Errorf("%d connections were released; only the idle one of HTTP/1.1 can be, and only in a drain of all", n)
			}
			late := s.dialWith(Options{Prefix: []byte(h2Begin)})
			late.readAll()
			synctest.Wait()
			if got := *released; all && (len(got) != 2 || got[1] != h2Begin) {
				t.Errorf("released %q, want a connection that comes while the manager drains, unread", got)
			}
			c.Close()
			other.Close()
			late.Close()
		})
	}
}
