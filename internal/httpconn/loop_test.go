//go:build linux

package httpconn

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
)

// serveOnLoop serves an application on a loop, on a real socket.
func serveOnLoop(t *testing.T, cfg Config, app http.HandlerFunc) (m *Manager, dial func() net.Conn) {
	t.Helper()
	cfg.App, cfg.Logger, cfg.EventLoop = httpApp(app), discard, true
	m = New(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := m.Listen(l, &Endpoint{Name: "loop", Scheme: "http"}, func() Options { return Options{} })
	t.Cleanup(func() {
		stop()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := m.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return m, func() net.Conn {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { nc.Close() })
		return nc
	}
}

func wantStatus(t *testing.T, why string, nc net.Conn, status int) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatalf("want %s: %v", why, err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != status {
		t.Fatalf("want %s: %s, %v", why, res.Status, err)
	}
}

func TestALateHeadIsAnsweredOnTheLoop(t *testing.T) {
	_, dial := serveOnLoop(t, Config{Limits: http1.Limits{RequestHeadersTimeout: 10 * time.Millisecond}}, hello)
	nc := dial()
	io.WriteString(nc, "GET / HT")
	wantStatus(t, "408: the deadline that has passed does not keep its own answer back", nc, 408)
}

func TestAHijackedConnectionLeavesTheLoopToOthers(t *testing.T) {
	release := make(chan struct{})
	_, dial := serveOnLoop(t, Config{Exec: Inline}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hijack" {
			hello(w, r)
			return
		}
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		<-release
	})
	defer close(release)
	for range 4 { // so that every shard has had one
		nc := dial()
		io.WriteString(nc, "GET /hijack HTTP/1.1\r\nHost: a\r\n\r\n")
		wantStatus(t, "the handler's own answer", nc, 200)
		other := dial()
		for range 3 {
			io.WriteString(other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			wantStatus(t, "an answer on another connection", other, 200)
		}
	}
}

func TestAClientThatLeavesIsNoticedAfterItsBodyWasAwaited(t *testing.T) {
	left := make(chan error, 1)
	reading := make(chan struct{})
	_, dial := serveOnLoop(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		close(reading)
		io.Copy(io.Discard, r.Body) // spends the registration in epoll
		<-r.Context().Done()
		left <- context.Cause(r.Context())
	})
	nc := dial()
	io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
	<-reading
	io.WriteString(nc, "cde")
	nc.Close()
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the request is not aborted, want its context to end when the client leaves")
	}
}

func TestDrainEndsConnectionsThatWaitOnTheLoop(t *testing.T) {
	m, dial := serveOnLoop(t, Config{}, hello)
	nc := dial()
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	wantStatus(t, "an answer", nc, 200)
	m.Drain()
	if b, err := io.ReadAll(nc); err != nil || len(b) > 0 {
		t.Errorf("%q, %v, want the end of a connection between two requests", b, err)
	}
	late := dial() // the socket still listens
	if b, err := io.ReadAll(late); len(b) > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("%q, %v, want the end of a connection that was accepted after the drain began", b, err)
	}
}
