package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// secureSite is a site behind https for localhost and the names in cert.pem.
const secureSite = `
sites:
  shop:
    bindings: [{protocol: https, address: 127.0.0.1, port: 0, certificate: {path: DIR/cert.pem, keyPath: DIR/key.pem}}]
    applications:
      - path: /
        hosting: HOSTING
        command: [SELF]
        directory: DIR
        environment: {LANNER_E2E_PROGRAM: app, NAME: shop}
`

var hostingModels = []string{"inprocess", "outofprocess"}

// authority issues the certificates of a test's host.
type authority struct {
	*selfsigned.Authority
	t *testing.T
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a, err := selfsigned.NewAuthority("e2e")
	if err != nil {
		t.Fatal(err)
	}
	return &authority{a, t}
}

// issue writes a certificate for names into files, each whole.
func (a *authority) issue(certFile, keyFile string, spec selfsigned.Spec) tls.Certificate {
	a.t.Helper()
	cert, err := a.Issue(spec)
	if err != nil {
		a.t.Fatal(err)
	}
	var chain []byte
	for _, der := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	writeWhole(a.t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	writeWhole(a.t, certFile, chain)
	return cert
}

func writeWhole(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Cert.Raw})
}

func (a *authority) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// startSecure runs a host whose certificate is in cert.pem of its folder.
func startSecure(t *testing.T, yaml string) (*running, *authority) {
	t.Helper()
	a := newAuthority(t)
	r := startHostIn(t, yaml, func(dir string) {
		a.issue(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), selfsigned.Spec{Names: []string{"localhost", "127.0.0.1"}})
		writeWhole(t, filepath.Join(dir, "ca.pem"), a.pem())
	})
	r.over(a.trust(), false)
	return r, a
}

// over makes the requests of a test go over TLS, and counts its connections.
func (r *running) over(cfg *tls.Config, http2 bool) *atomic.Int32 {
	conns := new(atomic.Int32)
	t := &http.Transport{TLSClientConfig: cfg, MaxIdleConnsPerHost: 64, Protocols: new(http.Protocols),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			conns.Add(1)
			return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(r.urls[0], "https://"))
		}}
	t.Protocols.SetHTTP1(!http2)
	t.Protocols.SetHTTP2(http2)
	r.client = &http.Client{Transport: t, Timeout: 30 * time.Second}
	r.t.Cleanup(t.CloseIdleConnections)
	return conns
}

func inBothModels(t *testing.T, test func(t *testing.T, yaml string)) {
	for _, model := range hostingModels {
		t.Run(model, func(t *testing.T) { test(t, strings.ReplaceAll(secureSite, "HOSTING", model)) })
	}
}

func TestTheHostEndsTLSForBothModels(t *testing.T) {
	inBothModels(t, func(t *testing.T, yaml string) {
		r, a := startSecure(t, yaml)
		for _, http2 := range []bool{false, true} {
			conns := r.over(a.trust(), http2)
			for range 20 {
				body := r.wantGet("each request", "/x?y=z", 200, "path=/x query=y=z")
				if strings.Contains(body, "remote=@") || strings.Contains(body, "remote= ") {
					t.Errorf("the application does not see the client's address: %s", body)
				}
			}
			body := strings.Repeat("0123456789", 100_000)
			res, err := r.client.Post(r.urls[0]+"/echo", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			back, err := io.ReadAll(res.Body)
			res.Body.Close()
			if string(back) != body || err != nil || (res.ProtoMajor == 2) != http2 {
				t.Errorf("%d bytes came back over %s, %v, want %d", len(back), res.Proto, err, len(body))
			}
			if n := conns.Load(); n != 1 {
				t.Errorf("HTTP/2 %v: %d connections were made, want one for all", http2, n)
			}
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() { r.wantGet("at the same time", "/slow?ms=20", 200, "slow") })
			}
			all.Wait()
		}
	})
}

// seenClient is what the application says of a request.
type seenClient struct {
	Remote, Scheme, Proto, ClientCert, LegacyCert, Subject, ServerName string
	TLS                                                                bool
}

func (r *running) connection(header http.Header) (c seenClient) {
	r.t.Helper()
	req, err := http.NewRequest("GET", r.urls[0]+"/connection", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil {
		r.t.Fatal(err)
	}
	return c
}

func TestTheApplicationSeesTheClient(t *testing.T) {
	inBothModels(t, func(t *testing.T, yaml string) {
		r, a := startSecure(t, strings.Replace(yaml, "key.pem}", "key.pem}, clientCertificate: {mode: optional, authorities: DIR/ca.pem}", 1))
		forged := http.Header{"Client-Cert": {":AAAA:"}, "Ms-Aspnetcore-Clientcert": {"AAAA"}}
		if c := r.connection(forged); c.ClientCert != "" || c.LegacyCert != "" || c.Subject != "" || !c.TLS || c.Scheme != "https" || !strings.HasPrefix(c.Remote, "127.0.0.1:") {
			t.Errorf("without a certificate: %+v", c)
		}
		mine := a.issue(filepath.Join(r.dir, "me.pem"), filepath.Join(r.dir, "me.key"), selfsigned.Spec{Names: []string{"me.example.org"}})
		cfg := a.trust()
		cfg.Certificates = []tls.Certificate{mine}
		for _, http2 := range []bool{false, true} {
			r.over(cfg.Clone(), http2)
			c := r.connection(forged)
			if c.Subject != "me.example.org" || !c.TLS {
				t.Errorf("with a certificate: %+v", c)
			}
			if strings.Contains(yaml, "hosting: outofprocess") {
				if c.ClientCert == "" || c.ClientCert == ":AAAA:" { // the module's own field has become c.Subject
					t.Errorf("the fields of a forwarded request: %+v", c)
				}
			} else if c.ServerName != "localhost" || c.ClientCert != "" {
				t.Errorf("what the handshake came to: %+v", c)
			}
		}
	})
}

func TestARequiredCertificateIsNotGotRoundByAnotherName(t *testing.T) {
	a := newAuthority(t)
	var other *x509.Certificate
	r := startHostIn(t, strings.ReplaceAll(`
sites:
  open:
    bindings: [{protocol: https, address: 127.0.0.1, port: PORTNO, host: open.example, certificate: {path: DIR/open.pem, keyPath: DIR/open.key}}]
    applications: [{path: /, hosting: outofprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: open}}]
  closed:
    bindings:
      - {protocol: https, address: 127.0.0.1, port: PORTNO, host: closed.example, certificate: {path: DIR/closed.pem, keyPath: DIR/closed.key},
         clientCertificate: {mode: required, authorities: DIR/ca.pem}}
    applications: [{path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: closed}}]
`, "PORTNO", itoa(freePort(t))), func(dir string) {
		for _, name := range []string{"open", "closed"} {
			cert := a.issue(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"), selfsigned.Spec{Names: []string{name + ".example"}})
			other, _ = x509.ParseCertificate(cert.Certificate[0])
		}
		writeWhole(t, filepath.Join(dir, "ca.pem"), a.pem())
	})
	cfg := a.trust()
	cfg.ServerName = "open.example"
	r.over(cfg.Clone(), false)
	if status, body := r.getHost("open.example", "/"); status != 200 || !strings.Contains(body, "name=open") {
		t.Errorf("the open name: %d %q", status, body)
	}
	if status, body := r.getHost("closed.example", "/"); status != 421 {
		t.Errorf("the other name on its connection: %d %q, want 421 (RFC 9110 §15.5.20)", status, body)
	}
	cfg.ServerName = "closed.example"
	r.over(cfg.Clone(), true)
	if res, err := r.client.Get("https://closed.example/"); err == nil {
		res.Body.Close()
		t.Errorf("a client without a certificate was answered %d", res.StatusCode)
	}
	cfg.Certificates = []tls.Certificate{a.issue(filepath.Join(r.dir, "me.pem"), filepath.Join(r.dir, "me.key"), selfsigned.Spec{Names: []string{"me"}})}
	r.over(cfg.Clone(), true)
	res, err := r.client.Get("https://closed.example/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); !strings.Contains(string(body), "name=closed") || !res.TLS.PeerCertificates[0].Equal(other) {
		t.Errorf("with a certificate: %d %q from %v", res.StatusCode, body, res.TLS.PeerCertificates[0].DNSNames)
	}
}

func TestAReloadChangesTheCertificateUnderLoad(t *testing.T) {
	inBothModels(t, func(t *testing.T, yaml string) {
		r, a := startSecure(t, yaml)
		first := r.shown(a)
		stop, failed := make(chan struct{}), make(chan error, 100)
		var served atomic.Int64
		var all sync.WaitGroup
		for i := range 4 {
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: a.trust(), ForceAttemptHTTP2: i%2 == 0, DisableKeepAlives: i == 3}, Timeout: 20 * time.Second}
			all.Go(func() {
				defer client.CloseIdleConnections()
				for {
					select {
					case <-stop:
						return
					default:
					}
					res, err := client.Get(r.urls[0] + "/")
					if err == nil {
						_, err = io.Copy(io.Discard, res.Body)
						res.Body.Close()
						if err == nil && res.StatusCode != 200 {
							err = errors.New(res.Status)
						}
					}
					if err != nil {
						failed <- err
						return
					}
					served.Add(1)
				}
			})
		}
		eventually(t, "clients are served", func() bool { return served.Load() > 20 })
		a.issue(filepath.Join(r.dir, "cert.pem"), filepath.Join(r.dir, "key.pem"), selfsigned.Spec{Names: []string{"localhost", "127.0.0.1"}})
		if _, err := r.control.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.shown(a).Equal(first) {
			t.Error("a new client is shown the old certificate after the reload")
		}
		// The binding itself changes, too: the socket stays.
		a.issue(filepath.Join(r.dir, "other.pem"), filepath.Join(r.dir, "other.key"), selfsigned.Spec{Names: []string{"localhost", "127.0.0.1"}})
		second := r.shown(a)
		r.write(strings.NewReplacer("cert.pem", "other.pem", "key.pem", "other.key").Replace(yaml))
		if _, err := r.control.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.shown(a).Equal(second) {
			t.Error("a new client is shown the old certificate after the binding has changed")
		}
		at := served.Load()
		eventually(t, "clients go on", func() bool { return served.Load() > at+20 })
		close(stop)
		all.Wait()
		close(failed)
		for err := range failed {
			t.Errorf("a request failed: %v", err)
		}
	})
}

// What the reload changes is served by a manager of connections of its own.
func TestClientsOfHTTPSComeAfterAReloadOfTheLimits(t *testing.T) {
	inBothModels(t, func(t *testing.T, yaml string) {
		r, a := startSecure(t, yaml)
		for i, limit := range []string{"1m", "2m", "3m"} {
			r.wantGet("before the reload", "/", 200, "name=shop")
			r.write(strings.Replace(yaml, "    applications:", "    limits: {keepAliveTimeout: "+limit+"}\n    applications:", 1))
			if _, err := r.control.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.over(a.trust(), i%2 == 0)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { r.shown(a) })
			}
			all.Wait()
			r.wantGet("after it", "/", 200, "name=shop")
		}
	})
}

// shown is the certificate that a new client is shown.
func (r *running) shown(a *authority) *x509.Certificate {
	r.t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(r.urls[0], "https://"), a.trust())
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

func TestACertificateThatCannotBeUsedIsRefused(t *testing.T) {
	yaml := strings.ReplaceAll(secureSite, "HOSTING", "inprocess")
	r, a := startSecure(t, yaml)
	before := r.shown(a)
	expired := x509.Certificate{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	a.issue(filepath.Join(r.dir, "expired.pem"), filepath.Join(r.dir, "expired.key"), selfsigned.Spec{Names: []string{"localhost"}, Template: expired})
	for why, change := range map[string][2]string{
		"expired":    {"expired.pem", "expired.key"},
		"missing":    {"missing.pem", "missing.key"},
		"mismatched": {"cert.pem", "expired.key"},
	} {
		r.write(strings.NewReplacer("cert.pem", change[0], "key.pem", change[1]).Replace(yaml))
		_, err := r.control.Reload(t.Context())
		var refused *control.Error
		if !errors.As(err, &refused) || refused.Status != 422 || !strings.Contains(refused.Message, r.file+":4:") || !strings.Contains(refused.Message, change[0]) {
			t.Errorf("%s: %v, want 422 with the line and the file", why, err)
		}
		if !r.shown(a).Equal(before) {
			t.Errorf("%s: another certificate is shown", why)
		}
		r.wantGet("the old configuration stays in force", "/", 200, "name=shop")
	}
	if problems := r.host.Status().ConfigErrors; problems == nil || !strings.Contains(problems.Errors[0], ":4:") {
		t.Errorf("the status has %+v, want what is wrong with the file", problems)
	}
}

func TestSessionTicketsOutliveTheHost(t *testing.T) {
	r, a := startSecure(t, strings.ReplaceAll(secureSite, "HOSTING", "outofprocess"))
	cfg := a.trust()
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	r.over(cfg, false)
	r.wantGet("a whole handshake", "/", 200, "name=shop")
	r.client.CloseIdleConnections()
	info, err := os.Stat(filepath.Join(r.dir, "state", "tls-ticket-keys"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file of the keys: %v, %v, want it readable by its owner alone", info, err)
	}
	r.restart()
	c, err := tls.Dial("tcp", strings.TrimPrefix(r.urls[0], "https://"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !c.ConnectionState().DidResume {
		t.Error("the client had to make a whole handshake after a restart of the host")
	}
}

func TestTheNextRequestAfterARecycleAndACrashIsServed(t *testing.T) {
	inBothModels(t, func(t *testing.T, yaml string) {
		r, a := startSecure(t, yaml)
		for _, http2 := range []bool{false, true} {
			conns := r.over(a.trust(), http2)
			pid := r.header("/", "X-Pid")
			slow := make(chan int, 1)
			go func() {
				status, _ := r.get("/slow?ms=500")
				slow <- status
			}()
			time.Sleep(50 * time.Millisecond) // most likely it runs by now; it must be answered in any case
			if _, err := r.control.Recycle(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			if status := <-slow; status != 200 {
				t.Errorf("HTTP/2 %v: a request that ran during the recycle was answered %d", http2, status)
			}
			for range 10 {
				if next := r.header("/", "X-Pid"); next == pid {
					t.Errorf("HTTP/2 %v: worker %s answers after the recycle", http2, pid)
				}
			}
			made := conns.Load()
			if status, body := r.get("/exit"); status != 502 {
				t.Errorf("HTTP/2 %v: the request that ends the worker: %d %q, want 502", http2, status, body)
			}
			r.wantGet("the next one", "/", 200, "name=shop")
			if n := conns.Load(); http2 && n != made {
				t.Errorf("%d connections were made after the crash: the client noticed it", n-made)
			}
		}
	})
}

func (r *running) header(path, name string) string {
	r.t.Helper()
	res, err := r.client.Get(r.urls[0] + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.Header.Get(name)
}

func TestAnApplicationBehindHTTPSGoesOffline(t *testing.T) {
	inBothModels(t, func(t *testing.T, yaml string) {
		r, a := startSecure(t, yaml)
		r.over(a.trust(), true)
		r.wantGet("before", "/", 200, "name=shop")
		page := filepath.Join(r.dir, "app_offline.htm")
		if err := os.WriteFile(page, []byte("back soon"), 0o600); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the page is shown", func() bool { status, body := r.get("/"); return status == 503 && body == "back soon" })
		os.Remove(page)
		eventually(t, "the application is back", func() bool { status, _ := r.get("/"); return status == 200 })
	})
}

func TestResponsesAreStreamedOverTLS(t *testing.T) {
	inBothModels(t, func(t *testing.T, yaml string) {
		r, a := startSecure(t, yaml)
		for _, http2 := range []bool{false, true} {
			r.over(a.trust(), http2)
			ctx, cancel := context.WithCancel(t.Context())
			reader, writer := io.Pipe()
			req, _ := http.NewRequestWithContext(ctx, "POST", r.urls[0]+"/echo", reader)
			go io.WriteString(writer, "first")
			res, err := r.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"first", "second"} {
				back := make([]byte, len(text))
				if _, err := io.ReadFull(res.Body, back); err != nil || string(back) != text {
					t.Errorf("HTTP/2 %v: %q, %v came while the request was being sent, want %q", http2, back, err, text)
				}
				if text == "first" {
					go io.WriteString(writer, "second")
				}
			}
			writer.Close()
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			cancel()
		}
	})
}

func TestCertificatesAreListedWithWhatIsWrong(t *testing.T) {
	r, a := startSecure(t, strings.ReplaceAll(secureSite, "HOSTING", "outofprocess"))
	list, err := r.control.Certificates(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v, want one certificate", list, err)
	}
	c := list[0]
	if c.Address != r.urls[0] || c.Path != filepath.Join(r.dir, "cert.pem") || c.Issuer != "e2e" || c.DaysLeft < 20_000 || c.Error != "" ||
		!slices.Equal(c.Names, []string{"localhost", "127.0.0.1"}) {
		t.Errorf("it is described as %+v", c)
	}
	before := r.shown(a)
	writeWhole(t, filepath.Join(r.dir, "cert.pem"), []byte("no certificate"))
	list, err = r.control.Certificates(t.Context())
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Error, "cert.pem") {
		t.Errorf("%+v, %v, want the certificate in use and what is wrong with its file", list, err)
	}
	if !r.shown(a).Equal(before) {
		t.Error("another certificate is shown")
	}
}

func TestChangedFilesAreShownWithoutAReload(t *testing.T) {
	r, a := startSecure(t, strings.ReplaceAll(secureSite, "HOSTING", "outofprocess"))
	before := r.shown(a)
	a.issue(filepath.Join(r.dir, "cert.pem"), filepath.Join(r.dir, "key.pem"), selfsigned.Spec{Names: []string{"localhost"}})
	eventually(t, "the new certificate is shown", func() bool { return !r.shown(a).Equal(before) })
	eventually(t, "the log tells of it", func() bool { return strings.Contains(r.log.String(), "event.name=CertificatesReloaded") })
}

func TestCallsOfGRPCGoThroughToH2C(t *testing.T) {
	r, a := startSecure(t, strings.NewReplacer("hosting: HOSTING", "hosting: outofprocess\n        protocol: h2c").Replace(secureSite))
	r.over(a.trust(), true)
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			content := strings.Repeat("x", n*50_000)
			req, _ := http.NewRequest("POST", r.urls[0]+"/trailers", strings.NewReader(content))
			req.Header.Set("Content-Type", "application/grpc")
			req.Header.Set("TE", "trailers")
			res, err := r.client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || string(body) != content || res.ProtoMajor != 2 || res.Trailer.Get("Grpc-Status") != "0" || res.Header.Get("X-Proto") != "HTTP/2.0" {
				t.Errorf("call %d: %d bytes over %s, %v, trailers %v, the application saw %s", n, len(body), res.Proto, err, res.Trailer, res.Header.Get("X-Proto"))
			}
		})
	}
	all.Wait()
}

func TestTwoSitesOfOnePortShowTheirOwnCertificates(t *testing.T) {
	a := newAuthority(t)
	r := startHostIn(t, strings.ReplaceAll(`
sites:
  a:
    bindings: [{protocol: https, address: 127.0.0.1, port: PORTNO, host: a.example, certificate: {path: DIR/a.pem, keyPath: DIR/a.key}}]
    applications: [{path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: a}}]
  b:
    bindings: [{protocol: https, address: 127.0.0.1, port: PORTNO, host: "*.b.example", certificate: {path: DIR/b.pem, keyPath: DIR/b.key}}]
    applications: [{path: /, hosting: outofprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: b}}]
`, "PORTNO", itoa(freePort(t))), func(dir string) {
		a.issue(filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key"), selfsigned.Spec{Names: []string{"a.example"}})
		a.issue(filepath.Join(dir, "b.pem"), filepath.Join(dir, "b.key"), selfsigned.Spec{Names: []string{"*.b.example"}})
	})
	for host, name := range map[string]string{"a.example": "name=a", "x.b.example": "name=b"} {
		cfg := a.trust()
		cfg.ServerName = host // the client checks that the certificate is of this name
		for _, http2 := range []bool{false, true} {
			r.over(cfg.Clone(), http2)
			if status, body := r.getHost(host, "/"); status != 200 || !strings.Contains(body, name) {
				t.Errorf("%s: %d %q, want %s", host, status, body, name)
			}
		}
	}
	cfg := a.trust()
	cfg.ServerName = "c.example"
	if c, err := tls.Dial("tcp", strings.TrimPrefix(r.urls[0], "https://"), cfg); err == nil {
		c.Close()
		t.Error("a name that no site has is shown a certificate")
	}
}
