package httpconn

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/connection"
)

func TestAHandshakeHasItsTime(t *testing.T) {
	for _, tt := range []struct {
		timeout, want time.Duration
		sent          string
	}{
		{0, 10 * time.Second, ""},
		{0, 10 * time.Second, "\x16\x03\x01\x02\x00\x01"}, // the beginning of a ClientHello
		{time.Minute, time.Minute, ""},
		{-1, 0, ""},
	} {
		bubble(t, func(t *testing.T) {
			s := serveTLS(t, Config{}, httpApp(hello), nil)
			s.ep.HandshakeTimeout = tt.timeout
			c := s.dial()
			c.write(tt.sent)
			began := time.Now()
			c.SetReadDeadline(began.Add(time.Hour))
			n, err := c.Read(make([]byte, 1))
			took := time.Since(began)
			if tt.want == 0 {
				if took < time.Hour {
					t.Errorf("without a limit the connection ends after %v: %v", took, err)
				}
				return
			}
			if n > 0 || took != tt.want {
				t.Errorf("after %v: %d bytes, %v, want it closed after %v", took, n, err, tt.want)
			}
			synctest.Wait()
			if told := s.told(eventAuthenticationTimedOut); len(told) != 1 || attr(told[0], "after").Duration() != tt.want {
				t.Errorf("the log has %v, want that the handshake timed out", told)
			}
			if st := s.m.Stats(); st.Open != 0 {
				t.Errorf("%+v, want the connection not counted any more", st)
			}
		})
	}
}

func TestATimeoutOfTheHandshakeDoesNotOutliveIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(hello), nil)
		c := s.mustShake(nil)
		for range 3 {
			time.Sleep(DefaultHandshakeTimeout)
			if got := c.get("/"); got != "ok" {
				t.Errorf("a request later: %q", got)
			}
		}
	})
}

func TestSlowHandshakesDoNotHoldUpOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(hello), nil)
		for range 100 {
			s.dial().write("\x16\x03\x01")
		}
		began := time.Now()
		if got := s.mustShake(nil).get("/"); got != "ok" || time.Since(began) > 0 {
			t.Errorf("%q after %v, want it at once", got, time.Since(began))
		}
	})
}

func TestAStopEndsHandshakesAtOnce(t *testing.T) {
	for name, stop := range map[string]func(s *testServer) error{
		"of all":         func(s *testServer) error { return s.stop(time.Hour) },
		"of an endpoint": func(s *testServer) error { return s.m.StopEndpoint(context.Background(), s.ep) },
		"without time": func(s *testServer) error {
			s.stopped = true
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			s.m.Stop(ctx) // which may say that it cut the connection
			return nil
		},
	} {
		bubble(t, func(t *testing.T) {
			s := serveTLS(t, Config{}, httpApp(hello), nil)
			c := s.dial()
			c.write("\x16\x03\x01")
			synctest.Wait()
			began := time.Now()
			if err := stop(s); err != nil || time.Since(began) > 0 {
				t.Errorf("%s: %v after %v, want nil at once: nothing was asked", name, err, time.Since(began))
			}
			c.wantClosed("the connection closed")
			if told := s.told(eventAuthenticationFailed); len(told) > 0 {
				t.Errorf("%s: a handshake that the stop ended is logged as a failure", name)
			}
			if above := s.logged.above(); len(above) > 0 {
				t.Errorf("%s: the log has %q", name, above)
			}
		})
	}
}

func TestAHandshakeThatBeginsInAStopIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		entered, opened := make(chan struct{}), make(chan struct{})
		s := serveTLS(t, Config{}, httpApp(hello), nil, doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			close(entered)
			<-opened
			return next(ctx, c)
		}))
		c := s.dial()
		<-entered
		s.m.Drain()
		close(opened)
		c.wantClosed("no handshake")
		if told := s.told(eventMiddlewareRefused); len(told) > 0 {
			t.Error("it is logged as if the middleware had refused it")
		}
	})
}
