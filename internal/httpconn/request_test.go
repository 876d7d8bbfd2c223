package httpconn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/server"
)

const answer500 = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"

func TestAPanicBeforeTheStartIsAnsweredAndLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/panic" {
				w.Header().Set("X", "y")
				panic("on purpose")
			}
			hello(w, r)
		}))
		c := s.dial()
		c.get("/panic")
		c.want("500 without the handler's fields", answer500)
		c.get("/")
		c.want("the connection goes on, unlike net/http's", sent200...)
		if got := s.logged.above(); !slices.Equal(got, []string{eventApplicationError.msg}) {
			t.Errorf("logged %q, want the failure once", got)
		}
	})
}

func TestAPanicAfterTheStartCutsTheResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			hello(w, r)
			http.NewResponseController(w).Flush()
			panic("on purpose")
		}))
		c := s.dial()
		c.get("/")
		c.want("what was sent", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Type: text/plain; charset=utf-8", "", "2", "ok", "")
		c.wantClosed("no end of the body")
	})
}

func TestErrAbortHandlerEndsTheConnectionSilently(t *testing.T) {
	bubble(t, func(t *testing.T) {
		completed := 0
		s := serve(t, Config{}, server.ApplicationFunc(func(f *server.Features) error {
			res, _ := server.Get[server.ResponseFeature](f)
			res.OnCompleted(func() { completed++ })
			io.WriteString(res, "ok")
			panic(http.ErrAbortHandler)
		}))
		c := s.dial()
		c.get("/")
		c.wantClosed("nothing")
		if got := s.logged.above(); len(got) > 0 || completed != 1 {
			t.Errorf("logged %q, OnCompleted ran %d times, want silence and once", got, completed)
		}
	})
}

func TestAHandlerThatEndsItsGoroutineEndsTheConnection(t *testing.T) {
	for _, watched := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			completed := false
			s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
				if watched {
					_ = r.Context().Done()
				}
				f := server.FeaturesOf(r.Context())
				res, _ := server.Get[server.ResponseFeature](f)
				res.OnCompleted(func() { completed = true })
				runtime.Goexit() // as t.FailNow in a handler
			}))
			c := s.dial()
			c.get("/")
			c.wantClosed("the connection closed")
			synctest.Wait()
			if st := s.m.Stats(); st.Open != 0 || !completed {
				t.Errorf("stats %+v, OnCompleted ran %v, want the connection forgotten and the hooks run", st, completed)
			}
		})
	}
}

func TestAGoexitAfterAHijackLeavesTheConnectionToItsOwner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				time.Sleep(time.Second)
				io.WriteString(nc, "raw")
				nc.Close()
			}()
			runtime.Goexit()
		}))
		c := s.dial()
		c.get("/")
		c.want("what the new owner writes", "raw")
	})
}

func TestTheContextEndsWithItsCause(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(s *testServer, c *client, r *http.Request)
		want error
	}{
		{"the client leaves", func(_ *testServer, c *client, _ *http.Request) { c.CloseWrite() }, server.ErrClientDisconnected},
		{"the client resets", func(_ *testServer, c *client, _ *http.Request) { c.Reset() }, server.ErrClientDisconnected},
		{"the application aborts", func(_ *testServer, _ *client, r *http.Request) {
			life, _ := server.From[server.RequestLifetimeFeature](r.Context())
			life.Abort(nil)
		}, server.ErrRequestAborted},
		{"the application aborts with a cause", func(_ *testServer, _ *client, r *http.Request) {
			life, _ := server.From[server.RequestLifetimeFeature](r.Context())
			life.Abort(io.ErrShortWrite)
		}, io.ErrShortWrite},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				requests, causes := make(chan *http.Request, 1), make(chan error, 1)
				s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
					requests <- r
					<-r.Context().Done()
					causes <- context.Cause(r.Context())
				}))
				c := s.dial()
				c.get("/")
				synctest.Wait()
				tt.end(s, c, <-requests)
				if got := <-causes; got != tt.want {
					t.Errorf("the context ended with %v, want %v", got, tt.want)
				}
				if got := s.logged.above(); len(got) > 0 {
					t.Errorf("logged %q above Debug, want silence: clients could fill the log", got)
				}
			})
		})
	}
}

func TestAnAbortEndsReadsAndWritesThatAreUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			life, _ := server.From[server.RequestLifetimeFeature](r.Context())
			go func() {
				time.Sleep(time.Second)
				life.Abort(nil)
			}()
			if _, err := io.ReadAll(r.Body); err == nil {
				t.Error("the body ended well although the request was aborted")
			}
			if _, err := w.Write(make([]byte, 1<<20)); err == nil {
				t.Error("a write went well although the request was aborted")
			}
		}))
		c := s.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 1000", "")
		c.wantClosed("no answer")
	})
}

func TestTheContextIsDoneAfterTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var kept context.Context
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			kept = r.Context()
			hello(w, r)
		}))
		c := s.dial()
		c.get("/")
		c.want("an answer", sent200...)
		synctest.Wait()
		if err := context.Cause(kept); kept.Err() == nil || err != server.ErrRequestDone {
			t.Errorf("the context of a request that is over: %v, want ErrRequestDone", err)
		}
		c.get("/") // asking late must not have begun a watch
		c.want("an answer", sent200...)
	})
}

func TestFailuresAfterTheClientLeftAreNoNews(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, server.ContextHandler(func(c *server.Context) error {
			<-c.Context().Done()
			if _, err := c.Write(make([]byte, 1<<17)); err != nil {
				return err
			}
			return c.Context().Err()
		}))
		c := s.dial()
		c.get("/")
		synctest.Wait()
		c.Reset()
		synctest.Wait()
		if got := s.logged.above(); len(got) > 0 {
			t.Errorf("logged %q above Debug, want silence", got)
		}
	})
}

func TestAPanicInOnCompletedIsLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, server.ApplicationFunc(func(f *server.Features) error {
			res, _ := server.Get[server.ResponseFeature](f)
			res.OnCompleted(func() { panic("hook") })
			return nil
		}))
		c := s.dial()
		c.get("/")
		c.want("the answer", "HTTP/1.1 200 OK", "Content-Length: 0", "", "")
		synctest.Wait()
		if got := s.logged.above(); !slices.Equal(got, []string{eventApplicationError.msg}) {
			t.Errorf("logged %q, want the panic as a failure of the application", got)
		}
	})
}

func TestResponseControllerDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var readErr, writeErr error
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if r.URL.Path == "/write" {
				control.SetWriteDeadline(time.Now().Add(time.Second))
				_, writeErr = w.Write(make([]byte, 4<<20))
				return
			}
			control.SetReadDeadline(time.Now().Add(time.Second))
			_, readErr = io.ReadAll(r.Body)
			hello(w, r)
		}))
		c := s.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "")
		c.want("the handler's own answer to a deadline that it set", sent200...)
		if !errors.Is(readErr, os.ErrDeadlineExceeded) {
			t.Errorf("read %v, want os.ErrDeadlineExceeded", readErr)
		}
		c.write("ok") // the body, late, is drained
		time.Sleep(time.Minute)
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "", "ok")
		c.want("the next answer: the deadline ended with its request", sent200...)
		c.get("/write")
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(writeErr, os.ErrDeadlineExceeded) {
			t.Errorf("write %v, want os.ErrDeadlineExceeded", writeErr)
		}
	})
}

func TestRatesOfARequestEndWithIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		slow := &transport.Rate{BytesPerSecond: 1, Grace: 5 * time.Second}
		s := serve(t, Config{MinRequestBodyRate: slow, MinResponseRate: slow}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			rates, _ := server.From[server.MinDataRateFeature](r.Context())
			was := rates.MinRequestBodyDataRate()
			if err := rates.SetMinRequestBodyDataRate(server.DataRate{BytesPerSecond: 1, Grace: time.Second}); err == nil {
				t.Error("a grace period of one second was taken: rates are measured once a second")
			}
			if err := rates.SetMinRequestBodyDataRate(server.DataRate{}); err != nil {
				t.Error(err)
			}
			if err := rates.SetMinResponseDataRate(server.DataRate{BytesPerSecond: 7, Grace: 2 * time.Second}); err != nil {
				t.Error(err)
			}
			io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, was.BytesPerSecond, rates.MinRequestBodyDataRate().BytesPerSecond, rates.MinResponseDataRate().BytesPerSecond)
		}))
		c := s.dial()
		for range 2 {
			c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 1", "")
			time.Sleep(time.Minute) // no least rate for this request
			c.write("x")
			c.want("the server's rate at first, then the request's own", "HTTP/1.1 200 OK", "Content-Length: 5", "Content-Type: text/plain; charset=utf-8", "", "1 0 7")
		}
	})
}

func TestKeptRequestsDoNotChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var kept []*http.Request
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			kept = append(kept, r)
			io.Copy(io.Discard, r.Body)
			hello(w, r)
		}))
		for i := range 3 {
			c := s.dial()
			for j := range 5 {
				c.send(fmt.Sprintf("POST /%d/%d?q=%d HTTP/1.1", i, j, j), fmt.Sprintf("Host: host-%d-%d", i, j),
					fmt.Sprintf("X-Value: value-%d-%d", i, j), "Transfer-Encoding: chunked", "", "2", "ok", "0", fmt.Sprintf("Trailer-%d: t-%d", j, i), "")
				c.want("an answer", sent200...)
			}
			c.Close()
			synctest.Wait()
		}
		for n, r := range kept {
			i, j := n/5, n%5
			got := fmt.Sprint(r.URL, r.RequestURI, r.Host, r.Header, r.Trailer, r.RemoteAddr)
			want := fmt.Sprintf("/%d/%d?q=%d/%d/%d?q=%dhost-%d-%dmap[X-Value:[value-%d-%d]] map[Trailer-%d:[t-%d]]client", i, j, j, i, j, j, i, j, i, j, j, i)
			if got != want {
				t.Errorf("request %d became %s, want %s: a handler may keep it", n, got, want)
			}
			if _, err := r.Body.Read(make([]byte, 1)); err != http.ErrBodyReadAfterClose {
				t.Errorf("reading its body: %v, want http.ErrBodyReadAfterClose", err)
			}
		}
	})
}

func TestWritesAfterTheHandlerReturnedGoNowhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var late error
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			go func() {
				time.Sleep(time.Second)
				_, late = io.WriteString(w, "late")
			}()
			hello(w, r)
		}))
		c := s.dial()
		c.get("/")
		c.want("the answer", sent200...)
		time.Sleep(2 * time.Second)
		c.wantIdle("nothing more")
		if late == nil {
			t.Error("a late write went well")
		}
	})
}

func TestConnectionLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		upgrade := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/upgrade" {
				hello(w, r)
				return
			}
			up, _ := server.From[server.UpgradeFeature](r.Context())
			nc, err := up.Upgrade()
			if err != nil {
				http.Error(w, "refused", 503)
				return
			}
			io.Copy(io.Discard, nc)
			nc.Close()
		}
		s := serve(t, Config{MaxConnections: 1, MaxUpgraded: 1}, httpApp(upgrade))
		up := func() *client {
			c := s.dial()
			c.send("GET /upgrade HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: x", "")
			return c
		}
		first := up()
		first.want("an upgraded connection", "HTTP/1.1 101 Switching Protocols", "")
		second := s.dial()
		second.get("/")
		second.want("an answer: the upgraded connection has left the count", sent200...)
		s.dial().wantClosed("a connection beyond the limit closed without a byte")
		second.send("GET /upgrade HTTP/1.1", "Host: a", "Connection: Upgrade", "")
		second.want("the handler's answer to an upgrade beyond the limit", "HTTP/1.1 503 Service Unavailable", "")
		second.Close()
		first.Close()
		synctest.Wait()
		up().want("room for another", "HTTP/1.1 101 Switching Protocols", "")
		if st := s.m.Stats(); st.Rejected != 1 || st.Upgraded != 1 || st.Open != 0 {
			t.Errorf("stats %+v, want one rejected and one upgraded", st)
		}
		if got := s.logged.above(); !slices.Equal(got, []string{eventConnectionRejected.msg}) {
			t.Errorf("logged %q, want a warning for the connection that was rejected", got)
		}
		s.stop(0)
	})
}

func TestNoUpgradedConnectionAtAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MaxUpgraded: -1}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, errUpgradedLimit) {
				t.Errorf("hijack: %v, want it refused by the limit", err)
			}
			hello(w, r)
		}))
		c := s.dial()
		c.get("/")
		c.want("the answer", sent200...)
	})
}

func TestHijackHandsOverWhatWasRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got string
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			done := r.Context().Done() // watched before, during and after
			nc, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = r.Context().Done()
			defer nc.Close()
			line, err := bufio.NewReader(rw).ReadString('\n')
			got = line
			fmt.Fprintf(rw, "echo %s", line)
			rw.Flush()
			if err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				t.Error("the context ended although nobody has left")
			default:
			}
			if _, err := io.WriteString(w, "x"); err != http.ErrHijacked {
				t.Errorf("write: %v, want http.ErrHijacked", err)
			}
		}))
		c := s.dial()
		c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nbuff")
		synctest.Wait()
		c.write("ered\n")
		c.want("the new owner's words", "echo buffered\n")
		c.wantClosed("the connection closed by its owner")
		if got != "buffered\n" {
			t.Errorf("the owner reads %q, want every byte in order", got)
		}
	})
}

func TestAnUpgradeIsAResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, server.ContextHandler(func(c *server.Context) error {
			res, _ := server.Get[server.ResponseFeature](c.Features())
			res.OnStarting(func() { res.Header().Set("X-Start", "1") })
			up, _ := server.Get[server.UpgradeFeature](c.Features())
			nc, err := up.Upgrade()
			if err != nil {
				return err
			}
			defer nc.Close()
			if _, err := up.Upgrade(); err == nil {
				t.Error("a second upgrade went well")
			}
			b := make([]byte, 4)
			if _, err := io.ReadFull(nc, b); err != nil {
				return err
			}
			_, err = nc.Write(b)
			return err
		}))
		c := s.dial()
		c.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\npi")
		head := make([]byte, 200)
		c.SetReadDeadline(time.Now().Add(time.Second))
		n, _ := c.Read(head)
		if text := string(head[:n]); !strings.HasPrefix(text, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n") ||
			!strings.Contains(text, "X-Start: 1\r\n") || !strings.Contains(text, "\r\nDate: ") {
			t.Errorf("got %q, want a 101 with the field of OnStarting and a date", text)
		}
		c.write("ng")
		c.want("what was sent with the request and after it", "ping")
		c.wantClosed("the connection closed by its owner")
	})
}

func TestAConnectionHijackedAfterTheResponseStartedCarriesOnWithIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, server.ContextHandler(func(c *server.Context) error {
			c.WriteString("hel")
			if err := c.Flush(); err != nil {
				return err
			}
			c.WriteString("lo")
			up, _ := server.Get[server.UpgradeFeature](c.Features())
			nc, _, err := up.Hijack()
			if err != nil {
				t.Errorf("Hijack after Flush: %v, want the connection, as with net/http", err)
				return err
			}
			defer nc.Close()
			_, err = io.WriteString(nc, "1\r\n!\r\n0\r\n\r\n")
			return err
		}))
		c := s.dial()
		c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.want("what was written before and after the takeover, in one body", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "",
			"3", "hel", "2", "lo", "1", "!", "0", "", "")
	})
}

func TestUpgradeErrorsSayWhy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, server.ContextHandler(func(c *server.Context) error {
			up, _ := server.Get[server.UpgradeFeature](c.Features())
			switch c.Path() {
			case "/started":
				if err := c.Flush(); err != nil {
					return err
				}
				if _, err := up.Upgrade(); err != server.ErrTooLate {
					t.Errorf("after the start: %v, want ErrTooLate", err)
				}
			default:
				if _, err := up.Upgrade(); err != server.ErrNotSupported {
					t.Errorf("%s: %v, want ErrNotSupported", c.Path(), err)
				}
			}
			return nil
		}))
		c := s.dial()
		for _, request := range []string{"/plain HTTP/1.1\r\n", "/body HTTP/1.1\r\nConnection: upgrade\r\nContent-Length: 1\r\n", "/started HTTP/1.1\r\nConnection: upgrade\r\n"} {
			c.write("POST " + request + "Host: a\r\n\r\n")
			c.want("an answer", "HTTP/1.1 200 OK", "")
			if strings.Contains(request, "Length") {
				c.write("x")
			}
			c.SetReadDeadline(time.Now().Add(time.Millisecond))
			io.Copy(io.Discard, c)
		}
	})
}

func TestRequestsHaveTheFeaturesOfTheContract(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var traces []string
		s := serve(t, Config{Limits: http1.Limits{MaxRequestBodySize: 5}}, server.ContextHandler(func(c *server.Context) error {
			f := c.Features()
			conn, _ := server.Get[server.ConnectionFeature](f)
			id, _ := server.Get[server.RequestIdentifierFeature](f)
			traces = append(traces, id.TraceIdentifier())
			if !strings.HasPrefix(id.TraceIdentifier(), conn.ConnectionID()+":") || len(conn.ConnectionID()) != 13 {
				t.Errorf("trace %q of connection %q", id.TraceIdentifier(), conn.ConnectionID())
			}
			if conn.EndpointName() != "test" || conn.RemoteAddrText() != "client" || conn.LocalAddr().String() != "server" {
				t.Errorf("connection %s %s %s", conn.EndpointName(), conn.RemoteAddrText(), conn.LocalAddr())
			}
			id.SetTraceIdentifier("mine")
			size, _ := server.Get[server.MaxRequestBodySizeFeature](f)
			if got := size.MaxRequestBodySize(); got != 5 {
				t.Errorf("body limit %d, want 5", got)
			}
			if _, err := io.Copy(io.Discard, c.Body()); err != nil {
				return err
			}
			if c.ContentLength() > 0 {
				if err := size.SetMaxRequestBodySize(9); err != server.ErrTooLate {
					t.Errorf("after reading: %v, want ErrTooLate", err)
				}
			}
			return nil
		}))
		c := s.dial()
		for range 2 {
			c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 1", "", "x")
			c.want("an answer", "HTTP/1.1 200 OK", "Content-Length: 0", "", "")
		}
		if len(traces) != 2 || !strings.HasSuffix(traces[0], ":00000001") || !strings.HasSuffix(traces[1], ":00000002") {
			t.Errorf("traces %q, want the connection and the number of the request", traces)
		}
	})
}

func TestHTTPHandlersAllocateLittle(t *testing.T) {
	if raceBuild {
		t.Skip("the race detector allocates")
	}
	near, far := pipe()
	m := New(Config{App: httpApp(func(w http.ResponseWriter, r *http.Request) { w.Write(ok) }), Logger: discard})
	m.Serve(far, &Endpoint{Name: "alloc", Scheme: "http"}, Options{})
	request, answer := []byte("GET /path HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"), make([]byte, 4096)
	one := func() {
		near.Write(request)
		near.Read(answer)
	}
	// Four: all that belongs to the exchange, the copy of the head, the map of the request's fields and its first group. A
	// handler that sets fields makes a map, a group, and a slice for each value.
	n := testing.AllocsPerRun(200, one)
	var before, after runtime.MemStats
	const times = 1000
	runtime.ReadMemStats(&before)
	for range times {
		one()
	}
	runtime.ReadMemStats(&after)
	size := (after.TotalAlloc - before.TotalAlloc) / times
	t.Logf("%.1f allocations and %d bytes per request through server.HTTP", n, size)
	if n > 4.5 || size > 1300 { // now and then the pools are emptied, and the connection in memory grows
		t.Errorf("%.1f allocations and %d bytes per request through server.HTTP, want at most 4 and 1300", n, size)
	}
	near.Close()
	m.Stop(context.Background())
}

var ok = []byte("ok")

func TestContextHandlersAllocateNothing(t *testing.T) {
	if raceBuild {
		t.Skip("the race detector allocates")
	}
	near, far := pipe()
	m := New(Config{App: server.ContextHandler(func(c *server.Context) error {
		c.SetHeader("Content-Type", "text/plain")
		_, err := c.Write(ok)
		return err
	}), Logger: discard})
	m.Serve(far, &Endpoint{Name: "alloc", Scheme: "http"}, Options{})
	request, answer := []byte("GET /path HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"), make([]byte, 4096)
	n := testing.AllocsPerRun(500, func() {
		near.Write(request)
		near.Read(answer)
	})
	if n >= 1 { // now and then the pools are emptied, and the connection in memory grows
		t.Errorf("%.1f allocations per request through server.ContextHandler, want none", n)
	}
	near.Close()
	m.Stop(context.Background())
}

func TestAPanicOfTheServersOwnCodeCostsOneConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{Claim: func(q *http1.Request, _ any) bool {
			if q.Path() == "/bug" {
				panic("a mistake in the server")
			}
			return true
		}}, httpApp(hello))
		c, other := s.dial(), s.dial()
		c.get("/bug")
		c.wantClosed("the connection cut")
		other.get("/")
		other.want("the others undisturbed", sent200...)
		if got := s.logged.above(); !slices.Equal(got, []string{eventConnectionFailed.msg}) {
			t.Errorf("logged %q, want the mistake", got)
		}
	})
}

func TestManyAnswersAreSentWhileALaterRequestWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				select {
				case <-r.Context().Done():
				case <-time.After(time.Hour):
				}
			}
			hello(w, r)
		}))
		c := s.dial()
		c.write(strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 5) + "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
		for range 5 {
			c.want("an answer before the last request is done", sent200...)
		}
		time.Sleep(time.Hour)
		c.want("the last answer", sent200...)
	})
}

// The first two requests come together and are watched one after the other while bytes of the third come.
func TestPipelinedRequestsThatAreWatchedLoseNoByteOfTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/watch" {
				r.Context().Done()
				step <- struct{}{} // a byte can come now
				step <- struct{}{}
			}
			if want := map[string]string{"/watch": "GET", "/": "POST"}[r.URL.Path]; r.Method != want {
				t.Errorf("the method for %s is %s, want %s", r.URL.Path, r.Method, want)
			}
			hello(w, r)
		}))
		c := s.dial()
		c.write("GET /watch HTTP/1.1\r\nHost: a\r\n\r\nGET /watch HTTP/1.1\r\nHost: a\r\n\r\n")
		for _, part := range []string{"P", "OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"} {
			<-step
			c.write(part)
			synctest.Wait()
			<-step
		}
		for _, which := range []string{"the first answer", "the second", "the third, whose first byte the watch has read"} {
			c.want(which, sent200...)
		}
	})
}
