package forwarder

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestDrainLetsRunningRequestsFinish(t *testing.T) {
	release := make(chan struct{})
	w := startWorker(t, func(c *workerConn) {
		for c.head() != "" {
			<-release
			c.send(ok)
		}
	})
	u := upstreamOf(t, w.addr(), Options{})
	done := make(chan error)
	go func() { done <- newClient("GET", "/").forward(u) }()
	eventually(t, "the request runs", func() bool { return u.Active() == 1 })

	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := u.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request still runs: %v", err)
	}
	asUpstreamError(t, newClient("GET", "/").forward(u), 503, ReasonDraining, true)
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the running request was cut: %v", err)
	}
	if err := u.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if s := u.Stats(); s.Idle != 0 || u.State() != Draining {
		t.Errorf("a drained upstream keeps no connection: %+v", s)
	}
}

func TestCloseAbortsRunningRequests(t *testing.T) {
	w := startWorker(t, func(c *workerConn) { c.head(); c.head() })
	u := upstreamOf(t, w.addr(), Options{})
	done := make(chan error)
	go func() { done <- newClient("GET", "/").forward(u) }()
	eventually(t, "the request has arrived", func() bool { return w.accepted.Load() == 1 })
	u.Close()
	u.Close() // twice is once
	var broken *UpstreamError
	if err := <-done; !errors.As(err, &broken) || broken.Reason != ReasonClosed {
		t.Errorf("want closed, got %v", err)
	}
	asUpstreamError(t, newClient("GET", "/").forward(u), 503, ReasonClosed, true)
	if err := u.Drain(t.Context()); err != nil {
		t.Errorf("nothing runs any more: %v", err)
	}
	if u.State() != Closed {
		t.Errorf("Drain must not reopen: %v", u.State())
	}
}

func TestAClosedForwarderMakesNoUpstreams(t *testing.T) {
	fw := New()
	fw.Close()
	if _, err := fw.NewUpstream("127.0.0.1:1", Options{}); err == nil {
		t.Error("nobody would look after it")
	}
}

func TestTheLastUsedConnectionIsUsedNext(t *testing.T) {
	u := upstreamOf(t, startWorker(t, answering(ok)).addr(), Options{MaxIdle: 2})
	for _, age := range []int64{1, 2} { // two idle connections
		nc, err := u.fw.dial(t.Context(), u.addr)
		if err != nil {
			t.Fatal(err)
		}
		c := newConn(nc, time.Minute)
		c.idleSince = u.fw.now() + age
		u.idle = append(u.idle, c)
	}
	last := u.idle[1]
	use(t, u)
	if u.idle[1] != last {
		t.Error("the others must be left alone to expire")
	}
	u.CloseIdle()
	if s := u.Stats(); s.Idle != 0 || s.Opened != 0 {
		t.Errorf("%+v", s)
	}
}

func use(t *testing.T, u *Upstream) {
	t.Helper()
	if err := newClient("GET", "/").forward(u); err != nil {
		t.Fatal(err)
	}
}

func TestManyRequestsAtOnceShareConnections(t *testing.T) {
	u := upstreamOf(t, startWorker(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")).addr(), Options{})
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range 50 {
				c := newClient("GET", "/")
				if err := c.forward(u); err != nil || c.text() != "hi" {
					t.Errorf("%q, %v", c.text(), err)
					return
				}
			}
		})
	}
	clients.Wait()
	if s := u.Stats(); s.Requests != 800 || s.Opened > 16 || s.Idle != int(s.Opened) || s.Failures != 0 {
		t.Errorf("at most one connection per request at a time, all kept: %+v", s)
	}
}

func TestUpstreamsMayBeClosedWhileTheyServe(t *testing.T) {
	w := startWorker(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	fw := New()
	defer fw.Close()
	for range 20 {
		u, err := fw.NewUpstream(w.addr(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for {
					c := newClient("GET", "/")
					err := c.forward(u)
					var broken *UpstreamError
					if errors.As(err, &broken) && broken.Reason == ReasonClosed {
						return
					}
					if err != nil || c.text() != "hi" {
						t.Errorf("%q, %v", c.text(), err)
						return
					}
				}
			})
		}
		eventually(t, "requests run", func() bool { return u.Stats().Requests > 20 })
		u.Close()
		clients.Wait()
		if s := u.Stats(); s.Active != 0 || s.Idle != 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestEventsSayWhatForwardDoesNotReturn(t *testing.T) {
	needsProbe(t)
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := startWorker(t, func(c *workerConn) {
		for i := 0; c.head() != ""; i++ {
			if c.n == 1 && i == 1 {
				return
			}
			if c.n == 2 {
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore")
				continue
			}
			c.send(ok)
		}
	})
	u := upstreamOf(t, w.addr(), Options{Logger: logger, Token: "secret"})
	use(t, u)
	use(t, u) // breaks, goes out again, and gets more than it asked for
	for _, want := range []string{"level=DEBUG msg=\"request sent again\" worker=" + u.Addr() + " method=GET error=EOF",
		"level=DEBUG msg=\"unsolicited bytes\" worker=" + u.Addr() + " bytes=4"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "secret") {
		t.Error("the token is in the log")
	}
}
