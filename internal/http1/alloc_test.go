package http1

import (
	"io"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/bufpool"
)

// loop is a client that sends the same bytes again and again, as a transport would feed them: each turn is one read, and
// what is written is thrown away.
type loop struct {
	tape
	conn  *Conn
	input string
}

func newLoop(input string, app func(*Conn) error) *loop {
	l := &loop{input: input}
	p := &player{app: app}
	date := []byte("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
	cfg := &Config{Scheme: "http", Limits: Limits{}.Effective(), Date: func() []byte { return date }}
	l.conn = NewConn(cfg, l, p)
	p.conn = l.conn
	l.conn.Start()
	return l
}

func (l *loop) Writev(a, b []byte) error { return nil }

func (l *loop) turn(tb testing.TB) {
	l.conn.Received(copy(l.conn.Input(), l.input))
	if next := l.conn.Process(); next != More {
		tb.Fatalf("next is %d, want the connection to go on", next)
	}
}

const browserGET = "GET /plaintext?q=1 HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html,*/*;q=0.8\r\n" +
	"Accept-Encoding: gzip, br\r\nCookie: id=0123456789abcdef\r\nConnection: keep-alive\r\n\r\n"

var plain, scratch = []byte("ok"), make([]byte, 2)

// page and a head are together more than the smaller of the pooled buffers.
var page = make([]byte, bufpool.Small)

// plaintext answers without the conversion that io.WriteString would make.
func plaintext(c *Conn) error {
	_, err := c.Response().Write(plain)
	return err
}

func TestAKeepAliveRequestAllocatesNothing(t *testing.T) {
	if raceBuild {
		t.Skip("the race detector allocates")
	}
	for _, tt := range []struct {
		name, input string
		app         func(*Conn) error
	}{
		{"GET", browserGET, func(c *Conn) error {
			c.Response().Header().Set("Content-Type", "text/plain")
			return plaintext(c)
		}},
		{"pipelined", strings.Repeat(browserGET, 16), plaintext},
		{"POST", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok", func(c *Conn) error {
			if _, err := io.ReadFull(&c.body, scratch); err != nil {
				return err
			}
			_, err := c.Response().Write(scratch)
			return err
		}},
		{"a response larger than the smaller buffer", browserGET, func(c *Conn) error {
			c.Response().Header().Set("Content-Length", "4096")
			_, err := c.Response().Write(page)
			return err
		}},
		{"chunked response", browserGET, func(c *Conn) error {
			if err := plaintext(c); err != nil {
				return err
			}
			return c.Response().Flush()
		}},
	} {
		l := newLoop(tt.input, tt.app)
		if n := testing.AllocsPerRun(200, func() { l.turn(t); l.conn.Trim() }); n != 0 { // as before a wait for the next request
			t.Errorf("%s: %.1f allocations per request, want none", tt.name, n)
		}
	}
}

func BenchmarkPlaintext(b *testing.B) {
	l := newLoop(browserGET, plaintext)
	b.ReportAllocs()
	for b.Loop() {
		l.turn(b)
	}
}

func BenchmarkPipeline16(b *testing.B) {
	l := newLoop(strings.Repeat(browserGET, 16), plaintext)
	b.ReportAllocs()
	for b.Loop() {
		l.turn(b)
	}
}
