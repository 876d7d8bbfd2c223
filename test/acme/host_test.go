package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/internal/host"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

// hostedProgram makes the test binary one that is hosted.
const hostedProgram = "LANNER_ACME_PROGRAM"

// runHosted is that program.
func runHosted() error {
	return lanner.Run(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the application has %s", r.URL.Path)
	}))
}

// hosted is a real host whose automatic certificates come from an authority.
type hosted struct {
	t             *testing.T
	dir, file     string
	plain, secure int
	authority     *authority
	log           *buffer
	control       *control.Client
	host          *host.Host
}

// hostedSite has PLAIN and SECURE for the ports, BINDINGS for those with https, and HOSTING.
const hostedSite = `
sites:
  shop:
    bindings: ["http://127.0.0.1:PLAIN", BINDINGS]
    applications: [{path: /, hosting: HOSTING, command: [SELF], directory: DIR, environment: {` + hostedProgram + `: app}}]
acme: {agreeToTerms: true, email: ops@example.org, profile: default, directory: DIRECTORY, roots: DIR/roots.pem, httpPort: PLAIN, tlsPort: SECURE, challenges: [CHALLENGES]}
control: {socket: DIR/admin.sock}
logs: DIR/logs
state: DIR/state
`

func binding(name string) string {
	return "{protocol: https, address: 127.0.0.1, port: SECURE, host: " + name + ", certificate: {acme: true}}"
}

func freePort(t *testing.T) int {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return port(l)
}

// startHost runs a host. change turns hostedSite into what is wanted.
func startHost(t *testing.T, change ...string) *hosted {
	t.Helper()
	h := &hosted{t: t, dir: t.TempDir(), plain: freePort(t), secure: freePort(t), log: new(buffer)}
	h.file = filepath.Join(h.dir, "lanner.yaml")
	h.authority = newAuthority(t, h.plain, h.secure, false)
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.authority.srv.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(h.dir, "roots.pem"), roots, 0o600); err != nil {
		t.Fatal(err)
	}
	h.write(change...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the host:\n%s", h.log.String())
		}
	})
	t.Cleanup(h.start())
	return h
}

func (h *hosted) write(change ...string) {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	text := strings.NewReplacer(change...).Replace(hostedSite)
	text = strings.NewReplacer("PLAIN", fmt.Sprint(h.plain), "SECURE", fmt.Sprint(h.secure), "DIRECTORY", h.authority.directory(), "DIR", h.dir, "SELF", self,
		"HOSTING", "inprocess", "BINDINGS", binding("one.test"), "CHALLENGES", "http-01, tls-alpn-01").Replace(
		strings.NewReplacer("BINDINGS", binding("one.test")).Replace(text))
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hosted) start() (stop func()) {
	t := h.t
	t.Helper()
	cfg, err := config.Load(h.file)
	if err != nil {
		t.Fatal(err)
	}
	h.host, err = host.New(cfg, host.Options{Logger: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- h.host.Run(ctx, func([]string) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("the host did not start: %v", err)
	}
	h.control = control.NewClient(filepath.Join(h.dir, "admin.sock"))
	return sync.OnceFunc(func() {
		h.control.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the host stopped with %v", err)
		}
	})
}

// client trusts the authority; its connections lead to the host.
func (h *hosted) client() *http.Client {
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: h.authority.root},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			to := h.plain
			if strings.HasSuffix(addr, ":443") {
				to = h.secure
			}
			return new(net.Dialer).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", to))
		}}
	h.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

// fetch returns the content at a URL, and the certificate that was shown.
func fetch(c *http.Client, url string) (string, *x509.Certificate, error) {
	res, err := c.Get(url)
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != 200 && res.StatusCode != 404 {
		err = errors.New(res.Status)
	}
	if res.TLS == nil {
		return string(body), nil, err
	}
	return string(body), res.TLS.PeerCertificates[0], err
}

// shows demands that a new client of a name is served, and returns the certificate.
func (h *hosted) shows(name string) *x509.Certificate {
	h.t.Helper()
	body, cert, err := fetch(h.client(), "https://"+name+"/x")
	if err != nil || body != "the application has /x" {
		h.t.Fatalf("%s: %q, %v", name, body, err)
	}
	return cert
}

func (h *hosted) listed(name string) control.Certificate {
	h.t.Helper()
	list, err := h.control.Certificates(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range list {
		if len(c.Names) == 1 && c.Names[0] == name {
			return c
		}
	}
	h.t.Fatalf("there is no %s in %+v", name, list)
	return control.Certificate{}
}

func TestTheHostGetsCertificatesByEachChallengeInBothModels(t *testing.T) {
	for _, hosting := range []string{"inprocess", "outofprocess"} {
		for _, challenge := range []string{"http-01", "tls-alpn-01"} {
			t.Run(hosting+" "+challenge, func(t *testing.T) {
				h := startHost(t, "HOSTING", hosting, "CHALLENGES", challenge)
				// The first handshake waits for the order; so this is the first request of a client that comes before there is a certificate.
				cert := h.shows("one.test")
				c := h.listed("one.test")
				if c.Source != control.SourceACME || c.Error != "" || !c.NotAfter.Equal(cert.NotAfter) || !strings.Contains(c.Issuer, "Pebble") ||
					!strings.HasPrefix(c.Path, filepath.Join(h.dir, "state", "acme")) {
					t.Errorf("the host lists %+v, want the certificate until %v in the state folder", c, cert.NotAfter)
				}
				if _, err := os.Stat(c.Path); err != nil {
					t.Error(err)
				}
				all, err := h.control.Certificate(t.Context(), "one.test")
				if err != nil || len(all) != 1 {
					t.Fatalf("%+v, %v", all, err)
				}
				if d := all[0]; len(d.Chain) < 2 || d.Key != "ECDSA P-256" || d.Chain[0].Names[0] != "one.test" || !d.NextAttempt.After(time.Now()) || d.OCSP.Status == "" ||
					filepath.Dir(d.KeyPath) != filepath.Dir(c.Path) {
					t.Errorf("the host shows %+v, want the chain, the key and the next order", d)
				}
				// Only the token of an open challenge is the host's to answer.
				for _, path := range []string{"/.well-known/acme-challenge/abc", "/.well-known/acme-challenge/", "/"} {
					if body, _, err := fetch(h.client(), "http://one.test"+path); body != "the application has "+path || err != nil {
						t.Errorf("http %s: %q, %v, want the application's answer", path, body, err)
					}
				}
				if log := h.log.String(); strings.Contains(log, "PRIVATE KEY") || strings.Contains(log, "level=ERROR") {
					t.Errorf("the log has a key or an error:\n%s", log)
				}
			})
		}
	}
}

func TestAReloadAddsAndRemovesAutomaticCertificates(t *testing.T) {
	h := startHost(t)
	first := h.shows("one.test")
	reload := func(why string, change ...string) {
		t.Helper()
		h.write(change...)
		if _, err := h.control.Reload(t.Context()); err != nil {
			t.Fatalf("%s: %v", why, err)
		}
	}
	both := binding("one.test") + ", " + binding("two.test")
	reload("a second name", "BINDINGS", both)
	h.shows("two.test")
	if !h.shows("one.test").Equal(first) {
		t.Error("the first name has another certificate")
	}
	h.authority.wantOrders(t, 2, "one for each name")

	reload("the first name is gone", "BINDINGS", binding("two.test"))
	if _, _, err := fetch(h.client(), "https://one.test/"); err == nil {
		t.Error("a name that is gone is served")
	}
	if list := h.host.Certificates(); len(list) != 1 {
		t.Errorf("%+v is listed, want two.test alone", list)
	}
	reload("it comes back", "BINDINGS", both)
	if !h.shows("one.test").Equal(first) {
		t.Error("a name that has come back has another certificate than the one in storage")
	}
	reload("another setting", "BINDINGS", both, "ops@example.org", "web@example.org")
	h.shows("two.test")
	h.authority.wantOrders(t, 2, "what is in storage is used")

	h.write("BINDINGS", both, "DIR/roots.pem", "DIR/missing.pem")
	var refused *control.Error
	if _, err := h.control.Reload(t.Context()); !errors.As(err, &refused) || refused.Status != 422 || !strings.Contains(refused.Message, "missing.pem") || !strings.Contains(refused.Message, "lanner.yaml:6:") {
		t.Errorf("a reload with a mistake: %v, want 422 with the file and the line", err)
	}
	if !h.shows("one.test").Equal(first) {
		t.Error("the old configuration is not in force")
	}
	reload("none is left", "BINDINGS", `"http://127.0.0.1:0"`)
	if list := h.host.Certificates(); len(list) != 0 {
		t.Errorf("%+v is listed, want none", list)
	}
	if _, err := h.control.RenewCertificate(t.Context(), "one.test"); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("the renewal of what is not shown: %v, want 404", err)
	}
	reload("they come back", "BINDINGS", both)
	if !h.shows("one.test").Equal(first) {
		t.Error("the certificate in storage is not shown")
	}
	h.authority.wantOrders(t, 2, "what is in storage is used")
}

func TestWhatAnAuthorityRefusesIsToldInPlainWords(t *testing.T) {
	h := startHost(t, "BINDINGS", binding("one.test")+", "+binding("blocked.test"))
	h.shows("one.test")
	if _, _, err := fetch(h.client(), "https://blocked.test/"); err == nil {
		t.Error("a name without a certificate is served")
	}
	var c control.Certificate
	eventually(t, "the refusal is told", func() bool {
		c = h.listed("blocked.test")
		return strings.Contains(c.Error, "retried in")
	})
	if !strings.Contains(c.Error, "blocked.test") || strings.Contains(c.Error, "urn:") || strings.HasPrefix(c.Error, "acme:") || !c.NotAfter.IsZero() {
		t.Errorf("%+v, want plain words and no certificate", c)
	}
	h.shows("one.test") // which is not held up
	var failed *control.Error
	if _, err := h.control.RenewCertificate(t.Context(), "blocked.test"); !errors.As(err, &failed) || failed.Status != 502 || !strings.Contains(failed.Message, "blocked.test") {
		t.Errorf("the renewal: %v, want 502 with the name", err)
	}
}

func TestTheHostRenewsUnderLoadWithoutAFailedRequest(t *testing.T) {
	h := startHost(t)
	before := h.shows("one.test")
	ctx, cancel := context.WithCancel(t.Context())
	var served atomic.Int64
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			c := h.client()
			for ctx.Err() == nil {
				if _, _, err := fetch(c, "https://one.test/x"); err != nil {
					t.Errorf("request %d failed: %v", served.Load(), err)
					return
				}
				served.Add(1)
				if i%2 == 0 {
					c.CloseIdleConnections()
				}
			}
		})
	}
	eventually(t, "clients are served", func() bool { return served.Load() > 20 })
	if _, err := h.control.RenewCertificate(t.Context(), "one.test"); err != nil {
		t.Errorf("the renewal: %v", err)
	}
	if h.shows("one.test").Equal(before) {
		t.Error("the old certificate is shown after the renewal")
	}
	at := served.Load()
	eventually(t, "clients go on", func() bool { return served.Load() > at+20 })
	cancel()
	all.Wait()
	h.authority.wantOrders(t, 2, "the first, and the renewal")
}
