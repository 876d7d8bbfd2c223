package httpconn

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/server"
)

// testServer is a manager whose connections are in memory, in a bubble of testing/synctest.
type testServer struct {
	t       *testing.T
	m       *Manager
	ep      *Endpoint
	logged  *logged
	stopped bool
	size    int
}

// serve starts a manager and stops it when the test ends.
func serve(t *testing.T, cfg Config, app server.Application) *testServer {
	s := &testServer{t: t, ep: &Endpoint{Name: "test", Scheme: "http"}, logged: &logged{}, size: 1 << 20}
	cfg.App = app
	cfg.Logger = slog.New(s.logged)
	s.m = New(cfg)
	s.m.engine(s.ep).http.Date = nil // so that responses are the same every time
	t.Cleanup(func() {
		if s.stopped {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.m.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

// stop stops the manager, giving requests d.
func (s *testServer) stop(d time.Duration) error {
	s.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return s.m.Stop(ctx)
}

// client is the other end of a connection.
type client struct {
	t *testing.T
	*memnet.Conn
}

func (s *testServer) dial() *client { return s.dialWith(Options{}) }

func (s *testServer) dialWith(opts Options) *client {
	near, far := memnet.Pipe(s.size)
	s.m.Serve(far, s.ep, opts)
	s.t.Cleanup(func() { near.Close() })
	return &client{s.t, near}
}

func (c *client) send(lines ...string) {
	c.t.Helper()
	c.write(strings.Join(lines, "\r\n") + "\r\n")
}

func (c *client) get(path string) {
	c.t.Helper()
	c.send("GET "+path+" HTTP/1.1", "Host: a", "")
}

func (c *client) write(bytes string) {
	c.t.Helper()
	c.SetWriteDeadline(time.Now().Add(time.Hour))
	if _, err := io.WriteString(c, bytes); err != nil {
		c.t.Fatalf("sending %.40q: %v", bytes, err)
	}
}

// want reads exactly these lines; the last one has no line end.
func (c *client) want(why string, lines ...string) {
	c.t.Helper()
	want := strings.Join(lines, "\r\n")
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	if string(got[:n]) != want {
		c.t.Fatalf("want %s:\n%q\ngot (%v)\n%q", why, want, err, got[:n])
	}
}

func (c *client) wantIdle(why string) {
	c.t.Helper()
	synctest.Wait()
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if b, err := io.ReadAll(c); len(b) > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("want %s, got %q and %v", why, b, err)
	}
}

func (c *client) wantClosed(why string) {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(2 * time.Second))
	if b, err := io.ReadAll(c); len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("want %s, got %q and %v", why, b, err)
	}
}

// sent200 is the response that hello makes.
var sent200 = []string{"HTTP/1.1 200 OK", "Content-Length: 2", "Content-Type: text/plain; charset=utf-8", "", "ok"}

// last200 is the same on a connection that ends.
var last200 = []string{"HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "Content-Type: text/plain; charset=utf-8", "", "ok"}

func hello(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }

// httpApp is a handler of net/http as an application.
func httpApp(h http.HandlerFunc) server.Application { return server.HTTP(h) }

// logged is a slog.Handler that keeps what is logged.
type logged struct {
	mu      sync.Mutex
	records []slog.Record
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }
func (l *logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logged) WithGroup(string) slog.Handler            { return l }
func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	return nil
}

// above returns the messages above Debug.
func (l *logged) above() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if r.Level > slog.LevelDebug {
			out = append(out, r.Message)
		}
	}
	return out
}

func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

// gate lets requests wait inside their handler.
type gate struct{ entered, opened chan struct{} }

func newGate() *gate { return &gate{make(chan struct{}, 100), make(chan struct{})} }

func (g *gate) handler(w http.ResponseWriter, r *http.Request) {
	g.entered <- struct{}{}
	<-g.opened
	hello(w, r)
}

var _ http1.Handler = (*handler)(nil)
