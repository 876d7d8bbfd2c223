package conformance

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// unit is a row of kestrel-units.jsonl of the kinds that show on the wire. Addresses and options are tested in package
// kestrel, data rates in internal/transport.
type unit struct {
	Kind, Name, Value, Wire string
	Length                  int
	MaxResponseBufferSize   string
	Pause                   int
}

// respond plays one GET to app and returns what is on the wire after the response, or after what app has written when it
// waits for hold.
func respond(t *testing.T, limits kestrel.Limits, app server.ContextHandler) string {
	l := memnet.Listen(1 << 24)
	srv := kestrel.New(kestrel.Options{Endpoints: []kestrel.Endpoint{{Listener: l}}, Limits: limits})
	if err := srv.Start(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	client, err := l.Dial()
	if err != nil {
		t.Fatal(err)
	}
	client.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	synctest.Wait()
	out, _ := drain(client)
	client.Close()
	time.Sleep(time.Minute)
	if err := srv.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	return string(out)
}

// allowed reports whether a row is rejected by Kestrel and deliberately not by Lanner: bytes above 0x7F in a value are
// obs-text (RFC 9110 §5.5), which net/http sends and handlers of net/http rely on.
func allowed(u unit) bool {
	beyond := func(r rune) bool { return r > 0x7f }
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	return strings.ContainsFunc(u.Value, beyond) && !strings.ContainsFunc(u.Value, control) && !strings.ContainsFunc(u.Name, beyond)
}

func TestFieldsThatKestrelRejectsAreNotSent(t *testing.T) {
	for _, u := range Units[unit](t, "response_header_rejected") {
		synctest.Test(t, func(t *testing.T) {
			out := respond(t, kestrel.Limits{}, func(c *server.Context) error {
				c.AddHeader(u.Name, u.Value)
				return nil
			})
			want := "HTTP/1.1 500 "
			if allowed(u) {
				want = "HTTP/1.1 200 "
			}
			if !strings.HasPrefix(out, want) {
				t.Errorf("%q: %q: got %.60q, want %s", u.Name, u.Value, out, want)
			}
			if head, _, _ := strings.Cut(out, "\r\n\r\n"); !allowed(u) && strings.Contains(head, "Data") {
				t.Errorf("%q: %q: it is in %q", u.Name, u.Value, out)
			}
		})
	}
}

func TestChunksBeginAsKestrels(t *testing.T) {
	for _, u := range Units[unit](t, "chunk_prefix") {
		if u.Length > 1<<20 {
			// A chunk is as large as the write that makes it; the rule is the same hexadecimal number.
			if got := strconv.FormatInt(int64(u.Length), 16) + "\r\n"; got != u.Wire {
				t.Errorf("%d: %q, want %q", u.Length, got, u.Wire)
			}
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			out := respond(t, kestrel.Limits{MaxResponseBufferSize: kestrel.Nothing}, func(c *server.Context) error {
				_, err := c.Write(make([]byte, u.Length))
				return err
			})
			if _, body, _ := strings.Cut(out, "\r\n\r\n"); body != u.Wire+strings.Repeat("\x00", u.Length)+"\r\n0\r\n\r\n" {
				t.Errorf("%d: the body begins with %.20q, want %q", u.Length, body, u.Wire)
			}
		})
	}
}

func TestTheResponseBufferSaysWhenAWriteIsSent(t *testing.T) {
	for _, u := range Units[unit](t, "output_pipe_watermarks") {
		limits := kestrel.Limits{MaxResponseBufferSize: kestrel.None}
		if u.MaxResponseBufferSize != "null" {
			n, err := strconv.Atoi(u.MaxResponseBufferSize)
			if err != nil {
				t.Fatal(err)
			}
			if limits.MaxResponseBufferSize = n; n == 0 {
				limits.MaxResponseBufferSize = kestrel.Nothing
			}
		}
		synctest.Test(t, func(t *testing.T) {
			const size = 200_000
			out := respond(t, limits, func(c *server.Context) error {
				_, err := c.Write(make([]byte, size))
				time.Sleep(time.Second) // the client looks now
				return err
			})
			// Kestrel's pause of 0 is no pause at all: an application may write as much as it likes ahead of its client.
			// Lanner holds it back. At any other mark the writer waits until it is sent.
			if sent := len(out) > size; sent != (u.Pause > 0) {
				t.Errorf("MaxResponseBufferSize %s: %d bytes are sent while the application goes on", u.MaxResponseBufferSize, len(out))
			}
		})
	}
}
