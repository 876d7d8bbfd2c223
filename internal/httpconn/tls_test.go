package httpconn

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// certificate is that of the tests' servers.
var certificate = sync.OnceValue(func() tls.Certificate {
	cert, err := selfsigned.New("shop.example", "localhost")
	if err != nil {
		panic(err)
	}
	return cert
})

// serveTLS is serve with TLS by cfg; nil for the defaults.
func serveTLS(t *testing.T, cfg Config, app server.Application, by *tls.Config, chain ...connection.Middleware) *testServer {
	t.Helper()
	if by == nil {
		by = &tls.Config{Certificates: []tls.Certificate{certificate()}}
	}
	s := serveBy(t, cfg, app, chain...)
	s.ep.Scheme, s.ep.TLS = "https", by
	e := s.m.engine(s.ep)
	e.http.Scheme, e.mux.Scheme = "https", "https"
	return s
}

// tlsClient is the other end of an encrypted connection.
type tlsClient struct {
	t *testing.T
	*tls.Conn
	r *bufio.Reader
}

// clientConfig trusts the tests' server.
func clientConfig() *tls.Config {
	return &tls.Config{RootCAs: selfsigned.Pool(certificate()), ServerName: "shop.example"}
}

// shake dials and makes the handshake; nil stands for clientConfig.
func (s *testServer) shake(cfg *tls.Config) (*tlsClient, error) {
	return s.shakeOn(s.dial().Conn, cfg)
}

func (s *testServer) shakeOn(nc *memnet.Conn, cfg *tls.Config) (*tlsClient, error) {
	if cfg == nil {
		cfg = clientConfig()
	}
	c := tls.Client(nc, cfg)
	c.SetDeadline(time.Now().Add(time.Hour))
	if err := c.Handshake(); err != nil {
		return nil, err
	}
	return &tlsClient{s.t, c, bufio.NewReader(c)}, nil
}

func (s *testServer) mustShake(cfg *tls.Config) *tlsClient {
	s.t.Helper()
	c, err := s.shake(cfg)
	if err != nil {
		s.t.Fatalf("the handshake failed: %v", err)
	}
	return c
}

// get asks for a path and returns the answer's body.
func (c *tlsClient) get(path string) string {
	c.t.Helper()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: shop.example\r\n\r\n", path)
	return c.answer()
}

func (c *tlsClient) answer() string {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatalf("reading the answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("reading its body: %v", err)
	}
	return string(body)
}

// wantEnd wants the connection to be over, without a byte or an alert.
func (c *tlsClient) wantEnd(why string) {
	c.t.Helper()
	if b, err := c.r.Peek(1); !errors.Is(err, io.EOF) {
		c.t.Errorf("%s: the connection goes on with %q, %v, want its end", why, b, err)
	}
}

func TestRequestsOverTLSKnowWhatWasNegotiated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			handshake, ok := server.From[server.TLSHandshakeFeature](r.Context())
			_, encrypted := server.From[server.TLSConnectionFeature](r.Context())
			q, _ := server.From[server.RequestFeature](r.Context())
			fmt.Fprint(w, ok && handshake.TLSState() == r.TLS, encrypted, " ", q.Scheme(), " ", tls.VersionName(r.TLS.Version), " ", r.TLS.ServerName, " ", r.TLS.NegotiatedProtocol)
		}), nil)
		cfg := clientConfig()
		cfg.NextProtos = []string{"http/1.1"}
		c := s.mustShake(cfg)
		for range 3 { // also when the request's collection is used again
			if got, want := c.get("/"), "true true https TLS 1.3 shop.example http/1.1"; got != want {
				t.Errorf("the request sees %q, want %q", got, want)
			}
		}
		c.Close()
		synctest.Wait()
		if st := s.m.Stats(); st.Open != 0 || st.Requests != 3 {
			t.Errorf("%+v, want three requests on a connection that is over", st)
		}
	})
}

func TestADrainLetsRunningRequestsOverTLSFinish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		s := serveTLS(t, Config{}, httpApp(g.handler), nil)
		idle, busy := s.mustShake(nil), s.mustShake(nil)
		io.WriteString(busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		<-g.entered
		done := make(chan error)
		go func() { done <- s.stop(time.Minute) }()
		idle.wantEnd("a connection that waits")
		close(g.opened)
		if got := busy.answer(); got != "ok" {
			t.Errorf("the running request is answered %q", got)
		}
		busy.wantEnd("after its last response")
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func TestAnAbortOverTLSDoesNotLookLikeAnEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		entered := make(chan struct{})
		s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			switch r.URL.Path {
			case "/panic":
				panic(http.ErrAbortHandler)
			case "/whole":
				io.WriteString(w, "whole")
				return
			}
			close(entered)
			<-r.Context().Done()
		}), nil)
		ask := func(path string) (*tls.Conn, *alerts) {
			near := &alerts{Conn: s.dial()}
			cfg := clientConfig()
			cfg.MaxVersion = tls.VersionTLS12 // which shows what is an alert
			c := tls.Client(near, cfg)
			fmt.Fprintf(c, "GET %s HTTP/1.0\r\n\r\n", path) // whose body ends with the connection
			return c, near
		}
		want := func(why string, c *tls.Conn, near *alerts, body string, notified bool) {
			t.Helper()
			b, err := io.ReadAll(c)
			if !strings.HasSuffix(string(b), body) || near.seen() != notified {
				t.Errorf("%s: %q, %v, and TLS says that it is the end: %v, want %v", why, b, err, near.seen(), notified)
			}
		}
		c, near := ask("/whole")
		want("a response", c, near, "halfwhole", true)
		c, near = ask("/panic")
		want("a handler that gave up", c, near, "half", false)
		c, near = ask("/wait")
		<-entered
		if err := s.stop(time.Second); err == nil {
			t.Error("stop: nil, want it to say that a request was aborted")
		}
		want("a stop whose time was over", c, near, "half", false)
	})
}

// alerts keeps what is read, to see whether the other end has sent an alert.
type alerts struct {
	net.Conn
	in []byte
}

func (a *alerts) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	a.in = append(a.in, p[:n]...)
	return n, err
}

// seen walks over the records (RFC 5246 §6.2.1).
func (a *alerts) seen() bool {
	const alert = 21
	for in := a.in; len(in) >= 5; in = in[min(len(in), 5+int(in[3])<<8+int(in[4])):] {
		if in[0] == alert {
			return true
		}
	}
	return false
}

func TestAnUpgradedConnectionStaysEncrypted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			nc, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			line, _ := buffered.ReadString('\n')
			io.WriteString(nc, line)
			io.Copy(nc, buffered)
		}), nil)
		c := s.mustShake(nil)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		if res, err := http.ReadResponse(c.r, nil); err != nil || res.StatusCode != 101 {
			t.Fatalf("%v, %v", res, err)
		}
		for _, text := range []string{"one\n", "two\n"} {
			io.WriteString(c, text)
			if got, err := c.r.ReadString('\n'); got != text || err != nil {
				t.Errorf("%q comes back as %q, %v", text, got, err)
			}
		}
		c.CloseWrite()
		c.wantEnd("the echo ends")
	})
}

func TestMiddlewareSeesTheBytesBeforeTLS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }), nil,
			doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
				if b, err := c.Peek(9); string(b[:5]) != "MAGIC" || b[5] != 0x16 && b[5] != 'G' || err != nil {
					t.Errorf("peeked %q, %v, want what stands before the ClientHello, and its beginning", b, err)
				}
				c.Discard(5)
				own, _ := server.Get[server.ConnectionFeature](c.Features())
				server.Set[server.ConnectionFeature](c.Features(), moved{own})
				return next(ctx, c)
			}))
		nc := s.dial()
		nc.write("MAGIC")
		c, err := s.shakeOn(nc.Conn, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := c.get("/"); got != "192.0.2.7:7" {
				t.Errorf("the request comes from %q, want what the middleware said", got)
			}
		}
		plain := s.dial()
		plain.write("MAGICGET / HTTP/1.1\r\n\r\n")
		if b, err := io.ReadAll(plain); !strings.HasPrefix(string(b), "HTTP/1.1 400 ") || !strings.Contains(string(b), "https://") || err != nil {
			t.Errorf("a client without TLS is answered %q, %v, want the way out", b, err)
		}
		plain.Close() // ends a lingering close
		synctest.Wait()
		failures := s.logged.message(slog.LevelDebug, eventAuthenticationFailed.msg)
		if len(failures) != 1 || !strings.Contains(failures[0], "remote=192.0.2.7:7") || !strings.Contains(failures[0], errPlainHTTP.Error()) {
			t.Errorf("the log says %q, want the address that the middleware set, and what was wrong", failures)
		}
	})
}

func TestLargeBodiesGoBothWaysOverTLS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			w.Write(b)
		}), nil)
		c := s.mustShake(nil)
		body := strings.Repeat("0123456789abcdef", 1<<16)
		for range 2 {
			go fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			if got := c.answer(); got != body {
				t.Errorf("%d bytes come back, want the 1 MiB that was sent", len(got))
			}
		}
	})
}

func TestAHandlerOverTLSHearsWhenItsClientLeaves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		left := make(chan error, 1)
		s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				<-r.Context().Done()
				left <- context.Cause(r.Context())
				return
			}
			r.Context().Done() // from here on the connection is watched, until the response
			hello(w, r)
		}), nil)
		c := s.mustShake(nil)
		for range 3 {
			if got := c.get("/"); got != "ok" {
				t.Errorf("%q, want an answer after the watch of the request before", got)
			}
			time.Sleep(time.Second)
		}
		io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
		synctest.Wait()
		c.Close()
		if cause := <-left; !errors.Is(cause, httpcommon.ErrClientDisconnected) {
			t.Errorf("the request ends with %v, want that the client left", cause)
		}
	})
}

func TestSessionsAreResumed(t *testing.T) {
	by := &tls.Config{Certificates: []tls.Certificate{certificate()}}
	for name, cfg := range map[string]*tls.Config{
		"by one configuration":            by,
		"by one that is chosen each time": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return by, nil }},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			bubble(t, func(t *testing.T) {
				s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS.DidResume) }), cfg)
				mine := clientConfig()
				mine.MaxVersion, mine.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
				for _, want := range []string{"false", "true", "true"} {
					c := s.mustShake(mine)
					if got := c.get("/"); got != want {
						t.Errorf("%s, %s: the session was resumed: %s, want %s", name, tls.VersionName(version), got, want)
					}
					c.Close()
				}
			})
		}
	}
}
