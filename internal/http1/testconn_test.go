package http1

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/internal/transport"
)

// testConn is the engine on the real transport over a connection in memory, and the client at its other end. It lives in
// a bubble of testing/synctest.
type testConn struct {
	t      *testing.T
	client *memnet.Conn
	server *transport.Conn
	http   *Conn
	app    func(*Conn) error
	claim  func(*Request) bool
	writes atomic.Int32

	done     chan struct{}
	next     Next // what Process said last
	rejected []*httpcommon.BadRequestError
	failed   []error
}

type testOptions struct {
	limits Limits
	compat Compat
	claim  func(*Request) bool
	rate   *transport.Rate
	server string
	size   int // of the buffers of the connection in memory, 1 MiB when 0
}

// connect starts the engine. The Date field is off, so that responses are the same every time.
func connect(t *testing.T, opts testOptions, app func(*Conn) error) *testConn {
	if opts.size == 0 {
		opts.size = 1 << 20
	}
	client, server := memnet.Pipe(opts.size)
	heartbeat := transport.NewHeartbeat(nil)
	c := &testConn{t: t, client: client, app: app, claim: opts.claim, done: make(chan struct{})}
	c.server = transport.NewConn(server, heartbeat, transport.Reasons{ReadRate: TimeoutRequestBodyRate, WriteRate: TimeoutResponseRate})
	c.server.SetRates(&transport.Rates{Read: opts.rate, Write: opts.rate})
	cfg := &Config{Limits: opts.limits.Effective(), Compat: opts.compat, Scheme: "http", ServerHeader: opts.server}
	c.http = NewConn(cfg, &countingStream{c.server, &c.writes}, c)
	go c.run()
	t.Cleanup(func() {
		client.Close()
		<-c.done
		heartbeat.Stop()
	})
	return c
}

type countingStream struct {
	*transport.Conn
	writes *atomic.Int32
}

func (s *countingStream) Writev(a, b []byte) error {
	s.writes.Add(1)
	return s.Conn.Writev(a, b)
}

func (c *testConn) run() {
	defer close(c.done)
	c.http.Start()
	for c.next == More {
		if c.http.Idle() {
			c.http.Trim()
		}
		n, err := c.server.Read(c.http.Input())
		if err != nil {
			c.next = c.http.ReadFailed(err)
			break
		}
		c.http.Received(n)
		c.next = c.http.Process()
	}
	switch c.next {
	case Close:
		c.server.Close()
	case Linger:
		c.server.CloseLingering()
	case Abort:
		c.server.Abort()
	}
	c.http.Release()
}

// The engine's Handler.
func (c *testConn) Claim(q *Request) bool {
	return c.claim == nil || c.claim(q)
}
func (c *testConn) Serve() error                            { return c.app(c.http) }
func (c *testConn) Drained(bad *httpcommon.BadRequestError) { c.rejected = append(c.rejected, bad) }

func (c *testConn) Rejected(bad *httpcommon.BadRequestError, _ Report) *Answer {
	c.rejected = append(c.rejected, bad)
	return nil
}
func (c *testConn) Failed(err error) { c.failed = append(c.failed, err) }

// send sends lines, each with its CRLF: an empty last line ends a head.
func (c *testConn) send(lines ...string) { c.write(strings.Join(lines, "\r\n") + "\r\n") }

// write sends bytes.
func (c *testConn) write(bytes string) {
	c.t.Helper()
	c.client.SetWriteDeadline(time.Now().Add(time.Hour))
	if _, err := io.WriteString(c.client, bytes); err != nil {
		c.t.Fatalf("sending %.40q: %v", bytes, err)
	}
}

// want reads exactly these lines; the last one has no line end.
func (c *testConn) want(why string, lines ...string) {
	c.t.Helper()
	want := strings.Join(lines, "\r\n")
	got := make([]byte, len(want))
	c.client.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := io.ReadFull(c.client, got)
	if string(got[:n]) != want {
		c.t.Fatalf("want %s:\n%q\ngot (%v)\n%q", why, want, err, got[:n])
	}
}

// wantIdle says that nothing more has been sent and that the connection is open.
func (c *testConn) wantIdle(why string) {
	c.t.Helper()
	synctest.Wait()
	if more, err := c.readFor(time.Millisecond); len(more) > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("want %s, got %q and %v", why, more, err)
	}
}

// wantClosed says that nothing more has been sent and that the connection is closed, within the time of a lingering close.
func (c *testConn) wantClosed(why string) {
	c.t.Helper()
	if more, err := c.readFor(2 * time.Second); len(more) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("want %s, got %q and %v", why, more, err)
	}
}

// wantNext says how the engine ended the connection.
func (c *testConn) wantNext(why string, want Next) {
	c.t.Helper()
	<-c.done
	if c.next != want {
		c.t.Errorf("want %s: next %d, got %d", why, want, c.next)
	}
}

// readFor reads all that comes within d.
func (c *testConn) readFor(d time.Duration) ([]byte, error) {
	c.client.SetReadDeadline(time.Now().Add(d))
	return readAll(c.client)
}

// readAll is io.ReadAll that returns io.EOF.
func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(r)
	if err == nil {
		err = io.EOF
	}
	return b, err
}

// bubble is a test in a bubble.
func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

// ok answers "ok".
func ok(c *Conn) error {
	_, err := io.WriteString(c.Response(), "ok")
	return err
}

// echo answers with the body.
func echo(c *Conn) error {
	b, err := io.ReadAll(c.Request().Body())
	if err != nil {
		return err
	}
	_, err = c.Response().Write(b)
	return err
}

func noop(*Conn) error { return nil }

// sent200 is the response that ok makes.
var sent200 = []string{"HTTP/1.1 200 OK", "Content-Length: 2", "", "ok"}
