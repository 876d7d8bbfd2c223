package httpconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/server"
)

// serveBy is serve with connection middleware.
func serveBy(t *testing.T, cfg Config, app server.Application, chain ...connection.Middleware) *testServer {
	s := serve(t, cfg, app)
	s.ep.Middleware = chain
	return s
}

// doing is a middleware that is one function.
func doing(fn func(ctx context.Context, c *connection.Conn, next connection.Handler) error) connection.Middleware {
	return func(next connection.Handler) connection.Handler {
		return func(ctx context.Context, c *connection.Conn) error { return fn(ctx, c, next) }
	}
}

// message returns the texts of the records with this message at this level.
func (l *logged) message(level slog.Level, msg string) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if r.Level == level && r.Message == msg {
			out = append(out, recordText(r))
		}
	}
	return out
}

func TestMiddlewareRunsInItsOrderAroundHTTP(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var order []string
		named := func(name string) connection.Middleware {
			return doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
				order = append(order, "enter "+name)
				err := next(ctx, c)
				order = append(order, "leave "+name)
				return err
			})
		}
		s := serveBy(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			order = append(order, "request")
			hello(w, r)
		}), named("outer"), named("inner"))
		c := s.dial()
		for range 2 {
			c.get("/")
			c.want("an answer", sent200...)
		}
		c.Close()
		synctest.Wait()
		if want := []string{"enter outer", "enter inner", "request", "request", "leave inner", "leave outer"}; !slices.Equal(order, want) {
			t.Errorf("the order was %q, want %q", order, want)
		}
	})
}

func TestWhatMiddlewareHasPeekedIsServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveBy(t, Config{}, httpApp(hello), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			b, err := c.Peek(5)
			if string(b) != "MAGIC" || err != nil {
				t.Errorf("peeked %q, %v", b, err)
			}
			c.Discard(5)
			if _, err := c.Peek(3); err != nil {
				t.Error(err)
			}
			return next(ctx, c)
		}))
		c := s.dial()
		c.write("MAGICGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.want("the first answer", sent200...)
		c.want("the second", sent200...)
	})
}

// moved is a connection feature with another client.
type moved struct{ server.ConnectionFeature }

func (moved) RemoteAddr() net.Addr   { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 7} }
func (moved) RemoteAddrText() string { return "192.0.2.7:7" }
func (moved) LocalAddr() net.Addr    { return &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 80} }

type note string

func TestRequestsSeeTheFeaturesThatMiddlewareSets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveBy(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			f, _ := server.From[server.ConnectionFeature](r.Context())
			if r.URL.Path == "/fail" {
				panic("to see who the log says it was")
			}
			n, _ := server.From[note](r.Context())
			fmt.Fprint(w, f.ConnectionID() == string(n), " ", f.EndpointName(), " ", r.RemoteAddr, " ", f.RemoteAddr(), " ",
				r.Context().Value(http.LocalAddrContextKey))
		}), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			own, _ := server.Get[server.ConnectionFeature](c.Features())
			if own.RemoteAddrText() != "client" || own.LocalAddr().String() != "server" {
				t.Errorf("before next the addresses are %v and %v, want the connection's own", own.RemoteAddrText(), own.LocalAddr())
			}
			server.Set[server.ConnectionFeature](c.Features(), moved{own})
			server.Set(c.Features(), note(c.ID()))
			return next(ctx, c)
		}))
		c := s.dial()
		for range 2 { // also when the request's collection is used again
			c.get("/")
			c.want("the addresses", "HTTP/1.1 200 OK", "Content-Length: 49", "Content-Type: text/plain; charset=utf-8", "",
				"true test 192.0.2.7:7 192.0.2.7:7 198.51.100.1:80")
		}
		c.get("/fail")
		synctest.Wait()
		failures := s.logged.message(slog.LevelError, eventApplicationError.msg)
		if len(failures) != 1 || !strings.Contains(failures[0], "remote=192.0.2.7:7") {
			t.Errorf("the log says %q, want the address that the middleware set", failures)
		}
	})
}

// counted is a connection around another.
type counted struct {
	net.Conn
	read, written *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

func TestHTTPRunsOnWhateverMiddlewarePassesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var read, written atomic.Int64
		s := serveBy(t, Config{}, httpApp(hello), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			if _, err := c.Peek(1); err != nil { // lies below what is passed on
				t.Error(err)
			}
			return next(ctx, c.With(&counted{c, &read, &written}))
		}))
		c := s.dial()
		c.get("/")
		c.want("an answer", sent200...)
		synctest.Wait() // the client has the answer before the server's write has returned
		if n := len("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); int(read.Load()) != n {
			t.Errorf("%d bytes were read through the middleware, want %d", read.Load(), n)
		}
		if n := len(strings.Join(sent200, "\r\n")); int(written.Load()) != n {
			t.Errorf("%d bytes were written through the middleware, want %d", written.Load(), n)
		}
		start := time.Now()
		if err := s.stop(time.Minute); err != nil || time.Since(start) > time.Millisecond { // an interruption may take a microsecond
			t.Errorf("stop took %v and returned %v, want an idle connection closed at once", time.Since(start), err)
		}
		c.wantClosed("an idle connection closed")
	})
}

func TestMiddlewareThatDoesNotCallNextEndsTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		served := 0
		refuse := errors.New("not from here")
		s := serveBy(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) { served++ }),
			doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error { return refuse }))
		c := s.dial()
		c.wantClosed("the connection closed without a byte")
		if said := s.logged.message(slog.LevelDebug, eventMiddlewareRefused.msg); len(said) != 1 || !strings.Contains(said[0], "not from here") {
			t.Errorf("the log has %q, want the error once at Debug", said)
		}
		if above := s.logged.above(); len(above) > 0 {
			t.Errorf("%q is in the log above Debug: a client can make the error", above)
		}
		if st := s.m.Stats(); st.Open != 0 || served != 0 {
			t.Errorf("%d connections are open and %d requests were served, want none", st.Open, served)
		}
	})
}

func TestAPanicInMiddlewareCostsOneConnection(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("oops") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				first := true
				s := serveBy(t, Config{}, httpApp(hello), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
					if first {
						first = false
						end()
					}
					return next(ctx, c)
				}))
				s.dial().wantClosed("its connection closed")
				other := s.dial()
				other.get("/")
				other.want("the next connection served", sent200...)
				if said := s.logged.message(slog.LevelError, eventMiddlewarePanicked.msg); (name == "panic") != (len(said) == 1) {
					t.Errorf("the log has %q, want a panic there once, and nothing else", said)
				}
				if st := s.m.Stats(); st.Open != 1 {
					t.Errorf("%d connections are open, want the second alone", st.Open)
				}
			})
		})
	}
}

func TestAConnectionInMiddlewareIsCountedAtTheLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		go1 := make(chan struct{})
		s := serveBy(t, Config{MaxConnections: 1}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/up" {
				nc, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				go func() { io.Copy(nc, nc); nc.Close() }()
				return
			}
			hello(w, r)
		}), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			<-go1
			return next(ctx, c)
		}))
		open := func(why string, want int64) {
			t.Helper()
			synctest.Wait()
			if st := s.m.Stats(); st.Open != want {
				t.Errorf("%s: %d connections are counted, want %d", why, st.Open, want)
			}
		}
		first := s.dial()
		open("in the middleware", 1)
		s.dial().wantClosed("the second connection closed at the limit")
		close(go1)
		open("in HTTP, waiting", 1)
		first.get("/")
		first.want("an answer", sent200...)
		open("after a request", 1)
		first.get("/up")
		open("upgraded, which is not counted", 0)
		if st := s.m.Stats(); st.Upgraded != 1 || st.Rejected != 1 {
			t.Errorf("stats %+v, want one upgraded and one rejected", st)
		}
		second := s.dial()
		second.get("/")
		second.want("the freed place taken", sent200...)
		open("the second", 1)
		second.Close()
		first.Close()
		open("all closed", 0)
	})
}

func TestNextReturnsWhenAnUpgradedConnectionIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		returned := false
		var remote, local string
		s := serveBy(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			nc, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			remote, local = nc.RemoteAddr().String(), nc.LocalAddr().String()
			go func() { // outlives the handler
				io.Copy(nc, buffered)
				nc.Close()
			}()
		}), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			own, _ := server.Get[server.ConnectionFeature](c.Features())
			server.Set[server.ConnectionFeature](c.Features(), moved{own})
			err := next(ctx, c)
			returned = true
			return err
		}))
		c := s.dial()
		c.get("/")
		c.write("echo")
		c.want("what was sent after the request", "echo")
		if returned {
			t.Error("next has returned, although the connection is in use")
		}
		if remote != "192.0.2.7:7" || local != "198.51.100.1:80" {
			t.Errorf("the connection's addresses are %s and %s, want those that the middleware set", remote, local)
		}
		c.Close()
		synctest.Wait()
		if !returned {
			t.Error("next has not returned, although the connection is over")
		}
	})
}

func TestStopWaitsForMiddleware(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveBy(t, Config{}, httpApp(hello), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			_, err := io.WriteString(c, "bye")
			time.Sleep(10 * time.Second)
			return err
		}))
		c := s.dial()
		c.want("what the middleware writes", "bye")
		start := time.Now()
		if err := s.stop(time.Minute); err != nil {
			t.Errorf("stop: %v, want nil: the middleware came to its end by itself", err)
		}
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("stop took %v, want the 10 s that the middleware took", d)
		}
	})
}

func TestStopCutsMiddlewareAtTheEndOfItsTime(t *testing.T) {
	where := map[string]func(ctx context.Context, c *connection.Conn, next connection.Handler) error{
		"in a read": func(_ context.Context, c *connection.Conn, _ connection.Handler) error {
			_, err := c.Peek(1)
			return err
		},
		"until ctx ends": func(ctx context.Context, _ *connection.Conn, _ connection.Handler) error {
			<-ctx.Done()
			return context.Cause(ctx)
		},
		"before HTTP": func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			<-ctx.Done()
			return next(ctx, c)
		},
		"after HTTP": func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			next(ctx, c)
			<-ctx.Done()
			return context.Cause(ctx)
		},
		"in a write": func(_ context.Context, c *connection.Conn, _ connection.Handler) error {
			_, err := c.Write(make([]byte, 2<<20))
			return err
		},
		"around HTTP": func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			next(ctx, c.With(&closesLate{c}))
			return context.Cause(ctx)
		},
		"beside a late one": func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			go next(context.Background(), c)
			<-ctx.Done()
			return nil
		},
	}
	for name, fn := range where {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serveBy(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
					if name == "after HTTP" {
						w.Header().Set("Connection", "close")
						return
					}
					<-r.Context().Done()
					if cause := context.Cause(r.Context()); cause != server.ErrServerShutdown {
						t.Errorf("the request ended with %v, want ErrServerShutdown", cause)
					}
				}), doing(fn))
				c := s.dial()
				if name != "in a read" {
					c.get("/")
				}
				synctest.Wait()
				start := time.Now()
				what := "0 running requests and 0 upgraded connections and 1 connections in their middleware"
				if name == "around HTTP" || name == "beside a late one" {
					what = "1 running requests and 0 upgraded connections were"
				}
				if err := s.stop(3 * time.Second); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), what) {
					t.Errorf("stop: %v, want it to say that there were %s", err, what)
				}
				if d := time.Since(start); d != 3*time.Second {
					t.Errorf("stop took %v, want the 3 s that it was given", d)
				}
				c.SetReadDeadline(time.Now().Add(time.Second))
				if _, err := io.Copy(io.Discard, c); err != nil {
					t.Errorf("the connection is still open: %v", err)
				}
			})
		})
	}
}

// closesLate is a connection whose end takes time while the one below is open, as that of TLS may.
type closesLate struct{ *connection.Conn }

func (c *closesLate) Close() error {
	if _, err := c.Conn.Write(make([]byte, 2<<20)); err == nil {
		return errors.New("a write into a full pipe returned")
	}
	return c.Conn.Close()
}

func TestNextRefusesWhatItCannotServe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var again, strange error
		s := serveBy(t, Config{}, httpApp(hello), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			_, other := memnet.Pipe(1)
			strange = next(ctx, connection.New(other, nil))
			err := next(ctx, c)
			again = next(ctx, c)
			return err
		}))
		c := s.dial()
		c.get("/")
		c.want("the answer", sent200...)
		c.Close()
		synctest.Wait()
		if !errors.Is(strange, errStranger) || !errors.Is(again, errNextTwice) {
			t.Errorf("another connection: %v, the second time: %v; want errors that say so", strange, again)
		}
	})
}

func TestNextIsTooLateWhenTheMiddlewareHasReturned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		late := make(chan error, 1)
		s := serveBy(t, Config{MaxConnections: 1}, httpApp(hello), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			go func() {
				<-ctx.Done()
				late <- next(ctx, c)
			}()
			return nil
		}))
		for range 2 { // the second finds the place of the first
			c := s.dial()
			c.wantClosed("the connection closed by the middleware's return")
			if err := <-late; !errors.Is(err, errNextLate) && !errors.Is(err, net.ErrClosed) {
				t.Errorf("next: %v, want an error that says that it is too late", err)
			}
			synctest.Wait()
			if st := s.m.Stats(); st.Open != 0 || st.Rejected != 0 {
				t.Fatalf("stats %+v, want nothing open and nothing rejected", st)
			}
		}
	})
}

func TestEndedHearsOfEveryConnectionOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var heard []string
		s := serveBy(t, Config{Ended: func(tag any, requests uint32) { heard = append(heard, fmt.Sprint(tag, requests)) }}, httpApp(hello),
			doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
				if b, _ := c.Peek(1); len(b) == 0 {
					return nil
				}
				return next(ctx, c)
			}))
		s.dialWith(Options{Tag: "silent"}).Close()
		synctest.Wait()
		c := s.dialWith(Options{Tag: "served"})
		c.get("/")
		c.want("the answer", sent200...)
		c.Close()
		synctest.Wait()
		if want := []string{"silent0", "served1"}; !slices.Equal(heard, want) {
			t.Errorf("Ended heard %q, want %q", heard, want)
		}
	})
}

func TestAcceptingGoesOnWhileMiddlewareWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveBy(t, Config{}, httpApp(hello), doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			if _, err := c.Peek(1); err != nil {
				return err
			}
			return next(ctx, c)
		}))
		l := memnet.Listen(1 << 16)
		stop := s.m.Listen(l, s.ep, func() Options { return Options{} })
		defer stop()
		silent, err := l.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		near, err := l.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		c := &client{t, near}
		c.get("/")
		c.want("an answer while another connection is silent", sent200...)
	})
}

// recordText is a record as the text handler writes it.
func recordText(r slog.Record) string {
	var b strings.Builder
	slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}).Handle(context.Background(), r)
	return b.String()
}
