package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/acme"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// site is a kestrel with the two ports that an authority validates at.
type site struct {
	plain, secure net.Listener
	authority     *authority
	log           *buffer
	clock         *clock
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func newSite(t *testing.T) *site {
	s := &site{plain: listen(t), secure: listen(t), log: new(buffer), clock: newClock()}
	s.authority = newAuthority(t, port(s.plain), port(s.secure), false)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", s.log.String())
		}
	})
	return s
}

// options are those of a manager for the site.
func (s *site) options(t *testing.T, names ...string) acme.Options {
	return acme.Options{
		Names:        names,
		AgreeToTerms: true,
		Issuers:      []acme.Issuer{s.authority.issuer()},
		Folder:       t.TempDir() + "/acme",
		HTTPPort:     port(s.plain),
		TLSPort:      port(s.secure),
		ListenHost:   "127.0.0.1",
		Logger:       slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug - 4})),
		Clock:        s.clock,
	}
}

// manager is a Manager that the test ends.
func manager(t *testing.T, opts acme.Options) *acme.Manager {
	t.Helper()
	m, err := acme.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, m) })
	return m
}

// issued is a Manager that has all its certificates, and whose site is served.
func (s *site) issued(t *testing.T, opts acme.Options) *acme.Manager {
	t.Helper()
	m := manager(t, opts)
	s.serve(t, m, 0)
	if err := m.Wait(limit(t)); err != nil {
		t.Fatal(err)
	}
	return m
}

func stop(t *testing.T, m *acme.Manager) {
	t.Helper()
	if err := m.Stop(context.Background()); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

// serve has kestrel serve the site with the certificates of m, until the test ends or the function is called.
func (s *site) serve(t *testing.T, m *acme.Manager, protocols kestrel.Protocols) (end func()) {
	t.Helper()
	srv := kestrel.New(kestrel.Options{
		Endpoints: []kestrel.Endpoint{
			{Name: "plain", URL: fmt.Sprintf("http://127.0.0.1:%d", port(s.plain)), Listener: s.plain},
			{Name: "secure", URL: fmt.Sprintf("https://127.0.0.1:%d", port(s.secure)), Listener: s.secure, TLS: m.TLSConfig(), Protocols: protocols},
		},
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	app := m.HTTPChallenge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello over HTTP/%d", r.ProtoMajor)
	}))
	if err := srv.Start(t.Context(), server.HTTP(app)); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		srv.Stop(ctx)
	})
	t.Cleanup(end)
	return end
}

// client is one that trusts the authority, and whose connections all lead to the site.
func (s *site) client(t *testing.T) *http.Client {
	return s.clientOf(t, s.authority.root)
}

func (s *site) clientOf(t *testing.T, roots *x509.CertPool) *http.Client {
	tr := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			to := s.plain.Addr().String()
			if _, p, _ := net.SplitHostPort(addr); p == "443" {
				to = s.secure.Addr().String()
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

// get makes a request over a new connection, and returns the certificate that it was given.
func get(c *http.Client, url string) (*x509.Certificate, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if want := fmt.Sprintf("hello over HTTP/%d", resp.ProtoMajor); err != nil || string(body) != want {
		return nil, fmt.Errorf("%s: %q, %w, want %q", url, body, err, want)
	}
	return resp.TLS.PeerCertificates[0], nil
}

func mustGet(t *testing.T, c *http.Client, url string) *x509.Certificate {
	t.Helper()
	cert, err := get(c, url)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return cert
}

// state is what m says of a name.
func state(t *testing.T, m *acme.Manager, name string) acme.Certificate {
	t.Helper()
	for _, c := range m.Certificates() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no %s in %+v", name, m.Certificates())
	return acme.Certificate{}
}

// eventually waits for a state that something else brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for ctx := limit(t); !ok(); time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("it did not come to pass: %s", what)
		}
	}
}

// clock stands still until it is advanced.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []timer
}

type timer struct {
	at time.Time
	c  chan time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := timer{c.now.Add(d), make(chan time.Time, 1)}
	c.timers = append(c.timers, t)
	return t.c
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	var later []timer
	for _, t := range c.timers {
		if t.at.After(c.now) {
			later = append(later, t)
		} else {
			t.c <- c.now
		}
	}
	c.timers = later
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
