package forwarder

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/server"
)

// inFakeTime runs fn in a bubble, in which the worker is script on the other end of a pipe.
func inFakeTime(t *testing.T, o Options, script func(c *workerConn), fn func(u *Upstream)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		conns := 0
		var running sync.WaitGroup
		fw := newForwarder(func(ctx context.Context, addr string) (net.Conn, error) {
			if script == nil { // the worker's backlog is full
				<-ctx.Done()
				return nil, os.ErrDeadlineExceeded
			}
			here, there := net.Pipe()
			conns++
			running.Go(func() {
				defer there.Close()
				script(&workerConn{Conn: there, r: bufio.NewReader(there), n: conns})
			})
			return here, nil
		})
		u, err := fw.NewUpstream("127.0.0.1:1", o)
		if err != nil {
			t.Fatal(err)
		}
		fn(u)
		fw.Close()
		running.Wait()
	})
}

// took runs fn and checks how long it took, give or take two ticks.
func took(t *testing.T, want time.Duration, fn func()) {
	t.Helper()
	start := time.Now()
	fn()
	if d := time.Since(start); d < want || d > want+2*tick {
		t.Errorf("took %v, want %v", d, want)
	}
}

func silentAfterHead(c *workerConn) {
	c.head()
	io.Copy(io.Discard, c.r)
}

func TestASilentWorkerTimesOut(t *testing.T) {
	for _, tt := range []struct {
		why    string
		script func(c *workerConn)
		o      Options
		want   time.Duration
		stage  Stage
		start  bool
	}{
		{"no answer, by default two minutes", silentAfterHead, Options{}, 2 * time.Minute, StageWait, false},
		{"no answer", silentAfterHead, Options{RequestTimeout: time.Second}, time.Second, StageWait, false},
		{"it reads no further", func(c *workerConn) {
			c.Read(make([]byte, 1))
			time.Sleep(time.Hour)
		}, Options{RequestTimeout: time.Second}, time.Second, StageSend, false},
		{"silence in the body", func(c *workerConn) {
			c.head()
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na")
			time.Sleep(3 * time.Second)
			c.send("b")
			c.head()
		}, Options{RequestTimeout: 4 * time.Second}, 7 * time.Second, StageBody, true},
	} {
		inFakeTime(t, tt.o, tt.script, func(u *Upstream) {
			c := newClient("GET", "/")
			took(t, tt.want, func() {
				broken := asUpstreamError(t, c.forward(u), 504, ReasonTimeout, false)
				if broken.Stage != tt.stage || broken.ResponseStarted != tt.start {
					t.Errorf("%s: stage %v, started %v", tt.why, broken.Stage, broken.ResponseStarted)
				}
			})
		})
	}
}

func TestAnUploadThatTheWorkerDoesNotTakeTimesOut(t *testing.T) {
	inFakeTime(t, Options{RequestTimeout: 5 * time.Second}, func(c *workerConn) {
		c.head()
		time.Sleep(time.Hour)
	}, func(u *Upstream) {
		c := newClient("POST", "/").withBody(endless{}, -1)
		took(t, 5*time.Second, func() { asUpstreamError(t, c.forward(u), 504, ReasonTimeout, false) })
	})
}

// slowReader yields one byte in each period, n times.
type slowReader struct {
	n      int
	period time.Duration
}

func (s *slowReader) Read(p []byte) (int, error) {
	time.Sleep(s.period)
	if s.n == 0 {
		return 0, io.EOF
	}
	s.n--
	p[0] = 'x'
	return 1, nil
}

func TestASlowClientIsNotTheWorkersSilence(t *testing.T) {
	inFakeTime(t, Options{RequestTimeout: time.Second}, func(c *workerConn) {
		c.head()
		for {
			line, err := c.r.ReadString('\n')
			if err != nil || line == "0\r\n" {
				break
			}
		}
		c.r.ReadString('\n')
		c.send(ok)
		c.head()
	}, func(u *Upstream) {
		c := newClient("POST", "/").withBody(&slowReader{3, time.Minute}, -1)
		took(t, 4*time.Minute, func() {
			if err := c.forward(u); err != nil {
				t.Errorf("the worker was waiting for the client all the time: %v", err)
			}
		})
	})
}

func TestNoLimitMeansNoLimit(t *testing.T) {
	inFakeTime(t, Options{RequestTimeout: -1}, func(c *workerConn) {
		c.head()
		time.Sleep(10 * time.Hour)
		c.send(ok)
		c.head()
	}, func(u *Upstream) {
		took(t, 10*time.Hour, func() {
			if err := newClient("GET", "/").forward(u); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestAWorkerThatIgnoresAnExpectationGetsTheBodyAfterASecond(t *testing.T) {
	inFakeTime(t, Options{}, func(c *workerConn) {
		c.head()
		if c.body(5) == "hello" {
			c.send(ok)
		}
		c.head()
	}, func(u *Upstream) {
		c := newClient("POST", "/", "Expect: 100-continue").withBody(strings.NewReader("hello"), 5)
		took(t, time.Second, func() {
			if err := c.forward(u); err != nil || c.status != 200 {
				t.Errorf("RFC 9110 §10.1.1: a client does not wait for ever: %d, %v", c.status, err)
			}
		})
	})
}

func TestConnectingTimesOut(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want time.Duration
	}{
		{Options{}, 2 * time.Minute},
		{Options{RequestTimeout: 3 * time.Second}, 3 * time.Second},
		{Options{ConnectTimeout: 100 * time.Millisecond}, 100 * time.Millisecond},
	} {
		inFakeTime(t, tt.o, nil, func(u *Upstream) {
			took(t, tt.want, func() { asUpstreamError(t, newClient("GET", "/").forward(u), 504, ReasonConnectTimeout, true) })
		})
	}
}

func TestAClientThatGoesAwayEndsConnecting(t *testing.T) {
	inFakeTime(t, Options{}, nil, func(u *Upstream) {
		c := newClient("GET", "/")
		go func() {
			<-c.watched
			time.Sleep(time.Second)
			c.disconnect()
		}()
		took(t, time.Second+2*tick, func() {
			if err := c.forward(u); !errors.Is(err, server.ErrClientDisconnected) {
				t.Errorf("the cause comes back: %v", err)
			}
		})
	})
}

func TestCloseEndsConnecting(t *testing.T) {
	inFakeTime(t, Options{}, nil, func(u *Upstream) {
		go func() {
			time.Sleep(time.Second)
			u.Close()
		}()
		took(t, time.Second, func() { asUpstreamError(t, newClient("GET", "/").forward(u), 503, ReasonClosed, true) })
	})
}

func TestIdleConnectionsAreClosedInTime(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		hint string
		want time.Duration
		why  string
	}{
		{Options{}, "", 90 * time.Second, "by default"},
		{Options{IdleTimeout: 7 * time.Second}, "", 7 * time.Second, "as configured"},
		{Options{}, "Keep-Alive: timeout=5\r\n", 4 * time.Second, "before Node closes it"},
		{Options{}, "Keep-Alive: timeout=500\r\n", 90 * time.Second, "a longer hint changes nothing"},
		{Options{}, "Keep-Alive: timeout=1\r\n", 500 * time.Millisecond, "there is nothing to spare of a second"},
		{Options{MaxIdle: -1}, "", 0, "none is kept"},
	} {
		inFakeTime(t, tt.o, answering("HTTP/1.1 200 OK\r\n"+tt.hint+"Content-Length: 0\r\n\r\n"), func(u *Upstream) {
			if err := newClient("GET", "/").forward(u); err != nil {
				t.Fatal(err)
			}
			took(t, tt.want, func() {
				for u.Stats().Idle > 0 {
					time.Sleep(10 * time.Millisecond)
				}
			})
		})
	}
}

func TestTheHeartbeatSleepsWhileNothingRuns(t *testing.T) {
	inFakeTime(t, Options{}, answering(ok), func(u *Upstream) {
		for range 3 {
			if err := newClient("GET", "/").forward(u); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if !u.fw.asleep.Load() {
				t.Error("nothing has run for a minute")
			}
		}
	})
}

func TestADeadlineForOneRequestDoesNotOutliveIt(t *testing.T) {
	inFakeTime(t, Options{}, func(c *workerConn) {
		for c.head() != "" {
			time.Sleep(10 * time.Second) // long enough to be woken for the watch
			c.send(ok)
		}
	}, func(u *Upstream) {
		for range 3 {
			if err := newClient("POST", "/").forward(u); err != nil {
				t.Error(err)
			}
		}
		if s := u.Stats(); s.Opened != 1 {
			t.Errorf("%d connections, want 1", s.Opened)
		}
	})
}

func TestAWorkerThatPausesIsNotSilent(t *testing.T) {
	const size = 3 << 20
	inFakeTime(t, Options{RequestTimeout: 2 * time.Second}, func(c *workerConn) {
		c.head()
		for range 30 {
			c.r.Discard(size / 30)
			time.Sleep(time.Second)
		}
		c.send(ok)
		c.head()
	}, func(u *Upstream) {
		c := newClient("POST", "/").withBody(io.LimitReader(endless{}, size), size)
		took(t, 30*time.Second, func() {
			if err := c.forward(u); err != nil {
				t.Errorf("it reads again and again: %v", err)
			}
		})
	})
}

func TestATunnelOutlivesEveryTimeout(t *testing.T) {
	inFakeTime(t, Options{RequestTimeout: time.Second}, func(c *workerConn) {
		c.head()
		c.send(switching)
		time.Sleep(time.Hour)
		c.send(c.body(4))
	}, func(u *Upstream) {
		here, there := net.Pipe()
		c := newClient("GET", "/", "Connection: upgrade", "Upgrade: raw")
		c.upgraded = there
		done := make(chan error)
		go func() { done <- c.forward(u) }()
		time.Sleep(time.Minute)
		io.WriteString(here, "late")
		if got, err := io.ReadAll(here); string(got) != "late" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
