package httpconn

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/server"
)

func TestStopClosesIdleConnectionsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(hello))
		fresh, used := s.dial(), s.dial()
		used.get("/")
		used.want("an answer", sent200...)
		start := time.Now()
		if err := s.stop(time.Minute); err != nil {
			t.Errorf("stop: %v, want nil since nothing was running", err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("stop took %v, want no time", d)
		}
		fresh.wantClosed("a connection without a request closed")
		used.wantClosed("an idle connection closed")
		if st := s.m.Stats(); st.Open != 0 || st.Requests != 1 {
			t.Errorf("stats %+v, want nothing open and one request", st)
		}
	})
}

func TestDrainLetsRunningRequestsFinish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		s := serve(t, Config{}, httpApp(g.handler))
		c := s.dial()
		c.get("/")
		<-g.entered
		done := make(chan error)
		go func() { done <- s.stop(time.Minute) }()
		synctest.Wait()
		if late := s.dial(); true {
			late.wantClosed("a connection that comes while stopping closed without a byte")
		}
		time.Sleep(30 * time.Second)
		close(g.opened)
		c.want("the answer, which says that it is the last", last200...)
		c.wantClosed("the connection closed after it")
		if err := <-done; err != nil {
			t.Errorf("stop: %v, want nil: the request finished by itself", err)
		}
	})
}

func TestDrainLetsAHalfReceivedRequestFinish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(hello))
		c := s.dial()
		c.write("GET / HTTP/1.1\r\nHo")
		synctest.Wait()
		done := make(chan error)
		go func() { done <- s.stop(time.Minute) }()
		time.Sleep(time.Second)
		c.write("st: a\r\n\r\n")
		c.want("the answer", last200...)
		if err := <-done; err != nil {
			t.Errorf("stop: %v, want nil", err)
		}
	})
}

func TestStopAbortsWhatIsLeftAtTheEndOfItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var cause error
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			cause = context.Cause(r.Context())
			hello(w, r)
		}))
		c := s.dial()
		c.get("/")
		synctest.Wait()
		start := time.Now()
		err := s.stop(3 * time.Second)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 running requests") {
			t.Errorf("stop: %v, want it to say how many were aborted and why", err)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("stop took %v, want the 3 s it was given: the handler returns when it is aborted", d)
		}
		c.wantClosed("no answer to an aborted request")
		if cause != server.ErrServerShutdown {
			t.Errorf("the context ended with %v, want ErrServerShutdown", cause)
		}
	})
}

func TestStopDoesNotWaitForeverForAHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		s := serve(t, Config{}, httpApp(g.handler))
		c := s.dial()
		c.get("/")
		<-g.entered
		start := time.Now()
		err := s.stop(2 * time.Second)
		if err == nil || !strings.Contains(err.Error(), "not returned") {
			t.Errorf("stop: %v, want it to say that a handler goes on", err)
		}
		if d := time.Since(start); d != 2*time.Second+abortWait {
			t.Errorf("stop took %v, want its time and a second", d)
		}
		c.wantClosed("the connection cut")
		close(g.opened)
	})
}

func TestAStopWithLessTimeAbortsWhatAnotherWaitsFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		s.dial().get("/")
		synctest.Wait()
		patient := make(chan error)
		go func() { patient <- s.stop(time.Hour) }()
		synctest.Wait()
		if err := s.stop(time.Second); err == nil {
			t.Error("the impatient stop returned nil although it aborted a request")
		}
		if err := <-patient; err == nil {
			t.Error("the patient stop returned nil although a request was aborted meanwhile")
		}
		if err := s.stop(time.Second); err == nil {
			t.Error("a stop after that returned nil: want the same as the first")
		}
	})
}

func TestStopAbortsUpgradedConnections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var readErr, cause error
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			_, readErr = nc.Read(make([]byte, 1))
			cause = context.Cause(r.Context())
		}))
		s.dial().get("/")
		synctest.Wait()
		if st := s.m.Stats(); st.Open != 0 || st.Upgraded != 1 {
			t.Errorf("stats %+v, want the connection counted as upgraded", st)
		}
		err := s.stop(time.Second)
		if err == nil || !strings.Contains(err.Error(), "1 upgraded") {
			t.Errorf("stop: %v, want it to say what was aborted", err)
		}
		if readErr == nil || cause != server.ErrServerShutdown {
			t.Errorf("read %v, context %v, want both to end", readErr, cause)
		}
	})
}

func TestAnUpgradeWhileAbortingIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var readErr error
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				readErr = err // the connection had been closed before
				return
			}
			_, readErr = nc.Read(make([]byte, 1))
		}))
		s.dial().get("/")
		synctest.Wait()
		if err := s.stop(time.Second); err == nil {
			t.Error("stop returned nil although it aborted")
		}
		if readErr == nil {
			t.Error("a connection taken over while the server aborts stays open")
		}
	})
}

func TestAbandonedUpgradesAreClosedByStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
				t.Error(err)
			}
		}))
		c := s.dial()
		c.get("/")
		c.wantIdle("the connection open: it is the application's")
		if err := s.stop(time.Second); err == nil {
			t.Error("stop returned nil although it closed a connection that was in use")
		}
		c.wantClosed("the connection closed")
	})
}

func TestDrainReturnsIdleConnectionsToTheirOwner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type back struct {
			nc     net.Conn
			unread string
			tag    any
		}
		var released []back
		var ended []any
		g := newGate()
		s := serve(t, Config{
			ReturnIdle: true,
			Released:   func(nc net.Conn, unread []byte, tag any) { released = append(released, back{nc, string(unread), tag}) },
			Ended:      func(tag any, _ uint32) { ended = append(ended, tag) },
		}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				g.handler(w, r)
				return
			}
			hello(w, r)
		}))
		idle, running := s.dialWith(Options{Tag: "idle"}), s.dialWith(Options{Tag: "running"})
		idle.get("/")
		idle.want("an answer", sent200...)
		running.get("/wait")
		<-g.entered
		running.write("GET /next HTTP/1.1\r\n\r\n") // a next request behind it
		done := make(chan error)
		go func() { done <- s.stop(time.Minute) }()
		synctest.Wait()
		if len(released) != 1 || released[0].tag != "idle" {
			t.Fatalf("released %v, want the idle connection", released)
		}
		close(g.opened)
		running.want("an answer that does not end the connection: another serves it on", sent200...)
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
		if len(released) != 2 {
			t.Fatalf("released %+v, want the other connection, too", released)
		}
		next := make([]byte, 22-len(released[1].unread))
		io.ReadFull(released[1].nc, next)
		if got := released[1].unread + string(next); got != "GET /next HTTP/1.1\r\n\r\n" {
			t.Errorf("its owner reads %q, want the request that was not begun", got)
		}
		if len(ended) != 0 {
			t.Errorf("ended %v, want nothing: the connections live on", ended)
		}
		go func() {
			io.WriteString(released[0].nc, "alive")
			released[0].nc.Close()
		}()
		idle.want("the connection in the hands of its owner", "alive")
		released[1].nc.Close()
	})
}

func TestForeignRequestsAreReleasedWithTheirBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var unread string
		var nc net.Conn
		s := serve(t, Config{
			Claim:    func(q *http1.Request, tag any) bool { return tag == "mine" && q.Path() != "/theirs" },
			Released: func(c net.Conn, b []byte, _ any) { nc, unread = c, string(b) },
		}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			go func() { <-r.Context().Done() }() // the watch reads ahead
			time.Sleep(time.Second)
			hello(w, r)
		}))
		c := s.dialWith(Options{Tag: "mine"})
		c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /theirs HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")
		synctest.Wait()
		c.write("cd")
		c.want("the first answer", sent200...)
		synctest.Wait()
		if nc == nil {
			t.Fatal("the connection was not released")
		}
		c.write("e")
		rest := make([]byte, 2)
		if !strings.HasSuffix(unread, "abc") {
			rest = make([]byte, 3)
		}
		if _, err := io.ReadFull(nc, rest); err != nil {
			t.Fatal(err)
		}
		if got, want := unread+string(rest), "POST /theirs HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabcde"; got != want {
			t.Errorf("the owner reads %q, want every byte in order: %q", got, want)
		}
		nc.Close()
	})
}

func TestEndedTellsTheNumberOfRequests(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got []any
		s := serve(t, Config{Ended: func(tag any, n uint32) { got = append(got, tag, n) }}, httpApp(hello))
		c := s.dialWith(Options{Tag: 7, Prefix: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT")})
		c.want("the answer to a request that was read before", sent200...)
		c.write("TP/1.1\r\nHost: a\r\n\r\n")
		c.want("the answer to the one that had begun", sent200...)
		c.Close()
		synctest.Wait()
		if len(got) != 2 || got[0] != 7 || got[1] != uint32(2) {
			t.Errorf("ended %v, want the tag and two requests", got)
		}
	})
}

func TestTheStateIsToldAsItChanges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var states []State
		s := serve(t, Config{}, httpApp(hello))
		c := s.dialWith(Options{OnState: func(_ transport.Link, st State) { states = append(states, st) }})
		for range 2 {
			c.get("/")
			c.want("an answer", sent200...)
			synctest.Wait()
		}
		turn := []State{Reading, Running, Responding, Idle}
		if want := slices.Concat(turn, turn, turn[:1]); !slices.Equal(states, want) {
			t.Errorf("states %v, want %v: Reading comes before a byte can have been taken", states, want)
		}
	})
}

func TestManyStopsAndRequestsAtOnceAreSafe(t *testing.T) {
	// On real time and under the race detector: every order of Drain, Stop and abort against connections that wait, read,
	// run, watch, take over and end.
	for round := range 20 {
		m := New(Config{App: httpApp(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/watch":
				select {
				case <-r.Context().Done():
				case <-time.After(time.Millisecond):
				}
			case "/hijack":
				nc, _, err := http.NewResponseController(w).Hijack()
				if err == nil {
					nc.Close()
				}
				return
			case "/abort":
				panic(http.ErrAbortHandler)
			case "/body":
				io.Copy(io.Discard, r.Body)
			}
			hello(w, r)
		}), MaxUpgraded: 3, Logger: discard})
		ep := &Endpoint{Name: "race", Scheme: "http"}
		clients := make(chan bool)
		for i := range 16 {
			go func() {
				near, far := pipe()
				m.Serve(far, ep, Options{})
				for _, path := range []string{"/", "/watch", "/body", "/watch", []string{"/", "/hijack", "/abort"}[i%3]} {
					if _, err := io.WriteString(near, "POST "+path+" HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"); err != nil {
						break
					}
					near.SetReadDeadline(time.Now().Add(5 * time.Second))
					if _, err := near.Read(make([]byte, 1000)); err != nil {
						break
					}
				}
				near.Close()
				clients <- true
			}()
		}
		if round%2 == 0 {
			m.Drain()
		}
		stops := make(chan error)
		for i := range 3 {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*round)*time.Millisecond/2)
				defer cancel()
				stops <- m.Stop(ctx)
			}()
		}
		for range 16 {
			<-clients
		}
		for range 3 {
			<-stops
		}
		if st := m.Stats(); st.Open != 0 || st.Upgraded != 0 {
			t.Fatalf("stats %+v after all has ended, want nothing open", st)
		}
	}
}

func TestConnectionsThatWaitAreAbortedByManyAtOnce(t *testing.T) {
	m := New(Config{App: httpApp(hello), Logger: discard})
	ep := &Endpoint{Name: "race", Scheme: "http"}
	for range 20 {
		near, far := pipe()
		defer near.Close()
		m.Serve(far, ep, Options{})
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { m.abort(nil) })
	}
	all.Wait()
	if err := m.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
