package httpconn

import (
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/metrics"
)

func TestAConnectionBeyondTheLimitCanBeAnswered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t)
		s := serve(t, Config{MaxConnections: 1, Full: FullReply, AccessLog: l.log}, httpApp(hello))
		one := s.dial()
		c := s.dial()
		c.get("/")
		date := string(*s.m.date.Load())
		c.want("no place", "HTTP/1.1 503 Service Unavailable", "Content-Length: 0", "Connection: close", "Retry-After: 1",
			strings.TrimSuffix(date, "\r\n"), "", "")
		c.Close()
		l.want("its line", map[string]any{"status": 503, "reason": reasonFull})
		one.get("/")
		one.want("the one that has its place", sent200...)
		if got := s.m.Stats(); got.Open != 1 || got.Rejected != 1 {
			t.Errorf("%+v, want one open and one rejected", got)
		}
	})
}

func TestAnswersBeyondTheLimitAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MaxConnections: -1, Full: FullReply}, httpApp(hello))
		var all []*client
		for range maxReplies + 10 {
			all = append(all, s.dial())
		}
		synctest.Wait()
		answered := 0
		for _, c := range all {
			c.SetReadDeadline(time.Now().Add(time.Millisecond))
			buf := make([]byte, 1024)
			if n, _ := c.Read(buf); strings.HasPrefix(string(buf[:n]), "HTTP/1.1 503 ") {
				answered++
			}
			c.Close()
		}
		if answered != maxReplies {
			t.Errorf("%d were answered, want %d", answered, maxReplies)
		}
	})
}

// backlog is a listener in memory.
type backlog struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (b *backlog) Accept() (net.Conn, error) {
	select {
	case nc := <-b.conns:
		return nc, nil
	case <-b.closed:
		return nil, net.ErrClosed
	}
}
func (b *backlog) Close() error   { b.once.Do(func() { close(b.closed) }); return nil }
func (b *backlog) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

func TestConnectionsBeyondTheLimitCanWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := metrics.NewRegistry(metrics.RegistryOptions{})
		s := serve(t, Config{MaxConnections: 1, Full: FullWait, Meter: r}, httpApp(hello))
		b := &backlog{conns: make(chan net.Conn, 10), closed: make(chan struct{})}
		stop := s.m.Listen(b, s.ep, func() Options { return Options{} })
		defer stop()
		var all []*client
		for range 4 {
			near, far := memnet.Pipe(1 << 16)
			t.Cleanup(func() { near.Close() })
			b.conns <- far
			all = append(all, &client{t, near})
		}
		for _, c := range all {
			c.get("/")
		}
		all[0].want("the first one's answer", sent200...)
		all[1].wantIdle("no answer yet")
		wantSample(t, "the one that is held", r, "kestrel_queued_connections", " 1")
		if len(b.conns) != 2 {
			t.Errorf("%d wait in the backlog, want 2", len(b.conns))
		}
		all[0].Close()
		all[1].want("a place", sent200...)
		s.m.Reconfigure(Config{MaxConnections: 2, Full: FullWait})
		date := strings.TrimSuffix(string(*s.m.date.Load()), "\r\n") // its engine is a new one, which the test has not changed
		all[2].want("a place by another limit", sent200[0], sent200[1], date, sent200[2], "", "ok")
		all[3].wantIdle("no place")
		stop()
		all[3].wantClosed("the listener is closed")
		if got := scrape(r, "kestrel_queued_connections"); len(got) > 0 {
			t.Errorf("%q, want none in the queue", got)
		}
		if n := s.m.Stats(); n.Open != 2 || n.Rejected != 0 {
			t.Errorf("%+v, want two open and none rejected", n)
		}
	})
}

func TestStopEndsConnectionsThatWaitForAPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MaxConnections: -1, Full: FullWait}, httpApp(hello))
		b := &backlog{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		stop := s.m.Listen(b, s.ep, func() Options { return Options{} })
		near, far := memnet.Pipe(1 << 16)
		b.conns <- far
		synctest.Wait()
		stop()
		(&client{t, near}).wantClosed("no place ever")
		if err := s.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}
