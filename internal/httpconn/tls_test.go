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
	s.m.engine(s.ep).http.Scheme = "https"
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

func TestNothingBelowTLS12IsSpoken(t *testing.T) {
	old := &tls.Config{Certificates: []tls.Certificate{certificate()}, MinVersion: tls.VersionTLS10}
	choosing := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return old, nil }}
	for name, by := range map[string]*tls.Config{"by default": nil, "by a configuration that has less": old, "by one chosen for the client": choosing} {
		bubble(t, func(t *testing.T) {
			s := serveTLS(t, Config{}, httpApp(hello), by)
			for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
				cfg := clientConfig()
				cfg.MinVersion, cfg.MaxVersion = version, version
				c, err := s.shake(cfg)
				if got := err == nil; got != want {
					t.Errorf("%s: a client of %s: %v, want it served: %v", name, tls.VersionName(version), err, want)
				}
				if c != nil {
					if got := c.get("/"); got != "ok" {
						t.Errorf("%s: %s: %q", name, tls.VersionName(version), got)
					}
				}
			}
		})
	}
}

func TestProtocolsAreNegotiatedAsTheEndpointSays(t *testing.T) {
	const refused = "refused"
	for _, tt := range []struct {
		protocols Protocols
		own       string // the configuration's NextProtos
		client    string
		want      string
	}{
		{HTTP1AndHTTP2, "", "h2 http/1.1", "h2"},
		{HTTP1AndHTTP2, "", "http/1.1", "http/1.1"},
		{HTTP1AndHTTP2, "", "", ""},
		{HTTP1AndHTTP2, "http/1.1 h2", "h2 http/1.1", "http/1.1"}, // the server's order counts
		{HTTP1, "", "h2 http/1.1", "http/1.1"},
		{HTTP1, "h2 http/1.1", "h2 http/1.1", "http/1.1"},
		{HTTP1, "", "h2", refused},
		{HTTP2, "", "h2 http/1.1", "h2"},
		{HTTP2, "h2 http/1.1", "http/1.1 h2", "h2"},
		{HTTP1AndHTTP2, "", "spdy/3", refused},
	} {
		bubble(t, func(t *testing.T) {
			by := &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: strings.Fields(tt.own)}
			for _, cfg := range []*tls.Config{by, {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return by, nil }}} {
				s := serveTLS(t, Config{}, httpApp(hello), cfg)
				s.ep.Protocols = tt.protocols
				mine := clientConfig()
				mine.NextProtos = strings.Fields(tt.client)
				c, err := s.shake(mine)
				got := refused
				if err == nil {
					got = c.ConnectionState().NegotiatedProtocol
					c.Close()
				}
				if got != tt.want {
					t.Errorf("%+v: %q, %v, want %q", tt, got, err, tt.want)
				}
			}
			if len(by.NextProtos) != len(strings.Fields(tt.own)) {
				t.Errorf("%+v: the configuration that was given has become %q", tt, by.NextProtos)
			}
		})
	}
}

func TestAnEndpointForHTTP2AloneClosesOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(hello), nil)
		s.ep.Protocols = HTTP2
		for _, protos := range [][]string{nil, {"http/1.1"}} {
			cfg := clientConfig()
			cfg.NextProtos = protos
			s.mustShake(cfg).wantEnd("nothing that both speak")
		}
		synctest.Wait()
		if told := s.told(eventHTTP2NotNegotiated); len(told) != 2 {
			t.Errorf("the log has %d errors of it, want one for each client", len(told))
		}
		if told := s.told(eventMiddlewareRefused); len(told) > 0 {
			t.Error("it is logged twice")
		}
	})
}

func TestAProtocolThatIsNotHTTPIsNotServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(hello), &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"http/1.1", "acme-tls/1"}})
		cfg := clientConfig()
		cfg.NextProtos = []string{"acme-tls/1"}
		c := s.mustShake(cfg)
		c.wantEnd("the handshake was all that was wanted")
	})
}

func TestClientCertificatesAreAskedForAsTheConfigurationSays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		theirs, err := selfsigned.ForClients("ada")
		if err != nil {
			t.Fatal(err)
		}
		s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			encrypted, _ := server.From[server.TLSConnectionFeature](r.Context())
			cert := encrypted.ClientCertificate()
			if cert == nil {
				io.WriteString(w, "nobody")
				return
			}
			fmt.Fprint(w, cert.Subject.CommonName, " ", r.TLS.PeerCertificates[0] == cert, len(r.TLS.VerifiedChains))
		}), &tls.Config{Certificates: []tls.Certificate{certificate()}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: selfsigned.Pool(theirs)})
		if got := s.mustShake(nil).get("/"); got != "nobody" {
			t.Errorf("without a certificate: %q", got)
		}
		cfg := clientConfig()
		cfg.Certificates = []tls.Certificate{theirs}
		if got := s.mustShake(cfg).get("/"); got != "ada true 1" {
			t.Errorf("with one: %q", got)
		}
		stranger, err := selfsigned.ForClients("eve")
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates, cfg.GetClientCertificate = nil, func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }
		c, err := s.shake(cfg)
		if err == nil { // by TLS 1.3 the client hears of it with the first answer
			_, err = c.r.Peek(1)
		}
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("with one of somebody else: %v, want an alert", err)
		}
		synctest.Wait()
		if told := s.told(eventAuthenticationFailed); len(told) != 1 {
			t.Errorf("the log has %d failures, want one", len(told))
		}
	})
}

func TestCertificatesAreChosenByName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		other, err := selfsigned.New("other.example")
		if err != nil {
			t.Fatal(err)
		}
		s := serveTLS(t, Config{}, httpApp(hello), &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			switch hello.ServerName {
			case "other.example":
				return &other, nil
			case "panic.example":
				panic("a mistake in GetCertificate")
			case "":
				return nil, errors.New("no name")
			}
			cert := certificate()
			return &cert, nil
		}})
		for name, cert := range map[string]tls.Certificate{"other.example": other, "shop.example": certificate()} {
			c := s.mustShake(&tls.Config{RootCAs: selfsigned.Pool(cert), ServerName: name})
			if got := c.get("/"); got != "ok" {
				t.Errorf("%s: %q", name, got)
			}
		}
		for _, cfg := range []*tls.Config{{InsecureSkipVerify: true}, {ServerName: "panic.example"}} {
			if _, err := s.shake(cfg); err == nil {
				t.Errorf("the handshake for %q succeeded", cfg.ServerName)
			}
		}
		if got := s.mustShake(nil).get("/"); got != "ok" {
			t.Errorf("after a panic in another handshake: %q", got)
		}
		if told := s.told(eventMiddlewarePanicked); len(told) != 1 {
			t.Errorf("the log has %d panics, want the one of GetCertificate", len(told))
		}
	})
}

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

func TestOnlySuitesThatHTTP2AllowsAreAdequate(t *testing.T) {
	good := map[uint16]bool{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: true, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: true,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: true,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: true, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: true,
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, version := range suite.SupportedVersions {
			want := version == tls.VersionTLS13 || version == tls.VersionTLS12 && good[suite.ID]
			if got := adequate(version, suite.ID); got != want {
				t.Errorf("%s over %s is adequate: %v, want %v", suite.Name, tls.VersionName(version), got, want)
			}
		}
	}
	for suite, want := range map[uint16]bool{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: true, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: false} {
		bubble(t, func(t *testing.T) {
			by := &tls.Config{Certificates: []tls.Certificate{certificate()}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}
			s := serveTLS(t, Config{}, httpApp(hello), by)
			near, far := memnet.Pipe(1 << 16)
			ch := &chain{m: s.m, endpoint: s.ep, raw: far}
			go func() {
				cfg := clientConfig()
				cfg.NextProtos, cfg.CipherSuites = []string{"h2"}, []uint16{suite}
				tls.Client(near, cfg).Handshake()
			}()
			if _, err := ch.handshake(t.Context(), far, nil); err != nil {
				t.Fatal(err)
			}
			var opts Options
			ch.secured.describe(connection.New(far, nil), &opts)
			if opts.Protocol != "h2" || opts.Inadequate != want {
				t.Errorf("%s: %q, inadequate: %v, want h2 and %v", tls.CipherSuiteName(suite), opts.Protocol, opts.Inadequate, want)
			}
			near.Close()
			far.Close()
		})
	}
}
