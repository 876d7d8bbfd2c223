package servertest

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/lannerhq/lanner/server"
)

var errGivenUp = errors.New("servertest: given up on purpose")

var lifetimeChecks = []check{
	{"ARequestIsAbortedWhenItsClientLeaves", func(t *testing.T, s suite) {
		skipUnless[server.RequestLifetimeFeature](t, s)
		entered, causes := make(chan struct{}, 1), make(chan error, 1)
		r := s.start(t, func(f *server.Features) error {
			if _, err := readBody(f); err != nil {
				t.Errorf("reading the body: %v", err)
			}
			aborted := make(chan error, 8)
			need[server.RequestLifetimeFeature](t, f).OnAborted(func(cause error) { aborted <- cause })
			entered <- struct{}{}
			causes <- receiveQuietly(aborted)
			return nil
		})
		for _, request := range []string{
			"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		} {
			c := r.dial()
			c.write(request)
			receive(t, entered, "the request reaches the application")
			c.conn.Close()
			if cause := receive(t, causes, "OnAborted is called when the client leaves"); !errors.Is(cause, server.ErrClientDisconnected) {
				t.Errorf("the cause is %v, want server.ErrClientDisconnected", cause)
			}
		}
	}},
	{"AHandlersContextEndsWhenItsClientLeaves", func(t *testing.T, s suite) {
		skipUnless[server.RequestLifetimeFeature](t, s)
		entered, causes := make(chan struct{}), make(chan error, 1)
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			close(entered)
			receiveQuietly(ctx.Done())
			causes <- context.Cause(ctx)
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "")
		receive(t, entered, "the request reaches the handler")
		c.conn.Close()
		if cause := receive(t, causes, "the context ends when the client leaves"); !errors.Is(cause, server.ErrClientDisconnected) {
			t.Errorf("the cause is %v, want server.ErrClientDisconnected", cause)
		}
	}},
	{"AbortEndsTheConnection", func(t *testing.T, s suite) {
		skipUnless[server.RequestLifetimeFeature](t, s)
		causes := make(chan error, 8)
		r := s.start(t, func(f *server.Features) error {
			life := need[server.RequestLifetimeFeature](t, f)
			life.OnAborted(func(cause error) { causes <- cause })
			if requestPath(f) == "/started" {
				if err := need[server.ResponseFeature](t, f).Flush(); err != nil {
					return err
				}
			}
			life.Abort(errGivenUp)
			late := make(chan error, 1)
			life.OnAborted(func(cause error) { late <- cause })
			if cause := receiveQuietly(late); !errors.Is(cause, errGivenUp) {
				t.Errorf("OnAborted after Abort was called with %v, want the cause at once", cause)
			}
			return nil
		})
		for _, path := range []string{"/", "/started"} {
			c := r.dial()
			c.send("GET "+path+" HTTP/1.1", "Host: a", "")
			if path == "/" {
				c.wantNoAnswer("no answer to a request that was given up")
			} else {
				res := c.head("the response that had started", http.MethodGet, 200)
				c.wantBroken("the client to see that the rest is missing", res.Body)
			}
			if cause := receive(t, causes, "OnAborted is called"); !errors.Is(cause, errGivenUp) {
				t.Errorf("the cause is %v, want the one that Abort was given", cause)
			}
		}
	}},
	{"NoAbortIsReportedAfterTheApplicationReturned", func(t *testing.T, s suite) {
		skipUnless[server.RequestLifetimeFeature](t, s)
		var calls atomic.Int32
		r := s.start(t, func(f *server.Features) error {
			need[server.RequestLifetimeFeature](t, f).OnAborted(func(error) { calls.Add(1) })
			return hello(f)
		})
		c := r.dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.wantBody("the connection goes on after a request that was watched", 200, "hello")
		}
		c.conn.Close()
		if err := r.stop(patience); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if n := calls.Load(); n > 0 {
			t.Errorf("OnAborted was called %d times although no request was aborted", n)
		}
	}},
	{"AWatchedRequestKeepsWhatTheClientSendsNext", func(t *testing.T, s suite) {
		skipUnless[server.RequestLifetimeFeature](t, s)
		g := newGate()
		r := s.start(t, func(f *server.Features) error {
			need[server.RequestLifetimeFeature](t, f).OnAborted(func(error) {})
			if requestPath(f) == "/wait" {
				return g.process(f)
			}
			return tell(f)
		})
		defer g.open()
		c := g.hold(r)
		c.send("GET /next HTTP/1.1", "Host: a", "")
		g.open()
		c.wantBody("the first answer", 200, "waited")
		c.wantBody("the answer to what was sent while the first request was watched", 200, "/next")
	}},
}
