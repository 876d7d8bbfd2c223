package servertest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

var stopChecks = []check{
	{"StopLetsRunningRequestsFinishAndRefusesNewOnes", func(t *testing.T, s suite) {
		g := newGate()
		r := s.start(t, g.process)
		defer g.open()
		c := g.hold(r)

		stopped := r.stopInBackground()
		r.wantRefused()
		g.open()
		c.wantBody("the whole answer to the request that was running", 200, "waited")
		c.wantClosed("the connection closed after its last answer, since the server stops")
		if err := receive(t, stopped, "Stop returns when the last request is done"); err != nil {
			t.Errorf("Stop returned %v, want nil: every request finished by itself", err)
		}
	}},
	{"StopClosesIdleConnections", func(t *testing.T, s suite) {
		r := s.start(t, hello)
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.wantBody("an answer", 200, "hello")
		if err := r.stop(patience); err != nil {
			t.Errorf("Stop returned %v, want nil: an idle connection is no running request", err)
		}
		c.wantClosed("the idle connection closed by Stop")
	}},
	{"EveryStopWaitsForRunningRequests", func(t *testing.T, s suite) {
		g := newGate()
		var finished atomic.Bool
		r := s.start(t, func(f *server.Features) error {
			err := g.process(f)
			if requestPath(f) == "/wait" {
				finished.Store(true)
			}
			return err
		})
		defer g.open()
		c := g.hold(r)

		first := r.stopInBackground()
		r.wantRefused()
		second := make(chan bool, 1)
		go func() {
			r.stop(patience)
			second <- finished.Load()
		}()
		// A Stop that does not wait returns at once. One that waits is given no more than a moment to show it: a
		// slow machine can hide a mistake here, never invent one.
		select {
		case <-first:
			t.Fatal("the first Stop returned while a request was running: it must wait")
		case <-second:
			t.Fatal("the second Stop returned while a request was running: it must wait like the first")
		case <-time.After(100 * time.Millisecond):
		}
		g.open()
		receive(t, first, "the first Stop returns")
		if !receive(t, second, "the second Stop returns") {
			t.Error("the second Stop returned while a request was running: it must wait like the first")
		}
		c.wantBody("the whole answer", 200, "waited")
	}},
	{"StopAbortsWhenItsContextHasEnded", func(t *testing.T, s suite) {
		g := newGate()
		r := s.start(t, g.process)
		defer g.open()
		c := g.hold(r)

		r.stopped = true
		result := make(chan error, 1)
		go func() { result <- r.srv.Stop(endedContext()) }()
		if err := receive(t, result, "Stop with an ended context returns although a request runs"); err == nil {
			t.Error("Stop returned nil although it aborted a request: want an error that says how many")
		}
		c.wantNoAnswer("no answer to a request that was aborted")
	}},
	{"ALaterStopCanAbortWhatTheFirstWaitsFor", func(t *testing.T, s suite) {
		g := newGate()
		r := s.start(t, g.process)
		defer g.open()
		c := g.hold(r)

		first := r.stopInBackground()
		r.wantRefused()
		second := make(chan error, 1)
		go func() { second <- r.srv.Stop(endedContext()) }()
		if err := receive(t, second, "a Stop with an ended context returns while another Stop waits"); err == nil {
			t.Error("the impatient Stop returned nil although it aborted a request")
		}
		c.wantNoAnswer("no answer to a request that was aborted")
		g.open()
		receive(t, first, "the first Stop returns once the application does")
	}},
	{"AnAbortByStopHasItsCause", func(t *testing.T, s suite) {
		skipUnless[server.RequestLifetimeFeature](t, s)
		entered, cause := make(chan struct{}), make(chan error, 1)
		r := s.start(t, func(f *server.Features) error {
			aborted := make(chan error, 1)
			need[server.RequestLifetimeFeature](t, f).OnAborted(func(err error) { aborted <- err })
			close(entered)
			cause <- receiveQuietly(aborted)
			return nil
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "")
		receive(t, entered, "the request reaches the application")
		r.stopped = true
		if err := r.srv.Stop(endedContext()); err == nil {
			t.Error("Stop returned nil although it aborted a request")
		}
		if err := receive(t, cause, "OnAborted is called"); !errors.Is(err, server.ErrServerShutdown) {
			t.Errorf("the request was aborted with %v, want server.ErrServerShutdown", err)
		}
	}},
}

// wantRefused waits until Stop has taken effect: a new connection is refused, closed, or answered with 503.
func (r *running) wantRefused() {
	r.t.Helper()
	for start := time.Now(); time.Since(start) < patience; {
		if !r.serves() {
			return
		}
	}
	r.t.Fatal("after Stop began, the server still serves requests on new connections: it must refuse them")
}

// serves reports whether a new connection gets an answer from the application.
func (r *running) serves() bool {
	conn, err := net.DialTimeout("tcp", r.addr, patience)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return false
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		return false
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode != http.StatusServiceUnavailable
}

// wantNoAnswer reads the connection to its end: it ends, with no answer of the application.
func (c *client) wantNoAnswer(why string) {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	if timedOut(err) {
		c.t.Errorf("want %s and the connection closed, but it stays open", why)
	}
	if len(rest) > 12 && string(rest[9:12]) == "200" {
		c.t.Errorf("want %s, got %.80q", why, rest)
	}
}
