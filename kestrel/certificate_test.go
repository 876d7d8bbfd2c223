package kestrel

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

func newAuthority(t *testing.T) *selfsigned.Authority {
	t.Helper()
	a, err := selfsigned.NewAuthority("Test Root")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t *testing.T, a *selfsigned.Authority, names ...string) tls.Certificate {
	t.Helper()
	c, err := a.Issue(selfsigned.Spec{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// put writes name.pem and name.key, or replaces them one after the other, as renewals do.
func put(t *testing.T, dir, name string, cert tls.Certificate) Certificate {
	t.Helper()
	chain, key, err := selfsigned.PEM(cert)
	if err != nil {
		t.Fatal(err)
	}
	c := Certificate{Path: filepath.Join(dir, name+".pem"), KeyPath: filepath.Join(dir, name+".key")}
	for path, data := range map[string][]byte{c.Path: chain, c.KeyPath: key} {
		if err := os.WriteFile(path+".new", data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func putAuthority(t *testing.T, dir string, a *selfsigned.Authority) string {
	t.Helper()
	path := filepath.Join(dir, "authority.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Cert.Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask makes one request on a connection of its own.
func ask(addr string, cfg *tls.Config) (tls.ConnectionState, string, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return tls.ConnectionState{}, "", err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	c := tls.Client(nc, cfg)
	if err := c.Handshake(); err != nil {
		return c.ConnectionState(), "", err
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(c)
	if err != nil {
		return c.ConnectionState(), "", err
	}
	_, body, ok := strings.Cut(string(answer), "\r\n\r\n")
	if !ok || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		err = fmt.Errorf("the answer is %q", answer)
	}
	return c.ConnectionState(), body, err
}

func trusting(a *selfsigned.Authority, name string) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), ServerName: name}
}

func address(s *Server) string { return strings.TrimPrefix(s.Addresses()[0], "https://") }

// whoAsks says which certificate the client has shown, by both ways to it.
var whoAsks = server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	f, _ := server.From[server.TLSConnectionFeature](r.Context())
	if cert := f.ClientCertificate(); cert != nil && len(r.TLS.PeerCertificates) > 0 && cert.Equal(r.TLS.PeerCertificates[0]) {
		fmt.Fprint(w, cert.Subject.CommonName)
		return
	}
	fmt.Fprint(w, "nobody ", len(r.TLS.PeerCertificates))
}))

func TestEachNameOfSNIHasItsCertificateProtocolsAndDemands(t *testing.T) {
	root, clients, dir := newAuthority(t), newAuthority(t), t.TempDir()
	file := func(name string, names ...string) string {
		c := put(t, dir, name, issue(t, root, append(names, name)...))
		return fmt.Sprintf(`{"Path": %q, "KeyPath": %q}`, c.Path, c.KeyPath)
	}
	opts := mustParse(t, fmt.Sprintf(`{"Kestrel": {"Endpoints": {"web": {"Url": "https://127.0.0.1:0", "Certificate": %s, "Sni": {
		"a.example.org": {"Certificate": %s, "Protocols": "Http1"},
		"*.example.org": {"Certificate": %s, "Protocols": "Http2", "SslProtocols": ["Tls12"]},
		"staff.example.org": {"Certificate": %s, "ClientCertificateMode": "RequireCertificate", "ClientCertificateAuthorities": %q},
		"perhaps.example.org": {"Certificate": %s, "ClientCertificateMode": "AllowCertificate", "ClientCertificateAuthorities": %q},
		"fallback.test": {"SslProtocols": ["Tls13"]}}}}}}`,
		file("fallback.test"), file("a.example.org"), file("*.example.org"), file("staff.example.org"), putAuthority(t, dir, clients), file("perhaps.example.org"), putAuthority(t, dir, clients)))
	registry := metrics.NewRegistry(metrics.RegistryOptions{})
	opts.Metrics = registry
	s := start(t, opts, whoAsks)
	ours, theirs := issue(t, clients, "ada"), issue(t, root, "eve")
	for _, tt := range []struct {
		why     string
		name    string
		change  func(*tls.Config)
		refused bool
		want    string // what the handler says; "" where HTTP/1.1 is not spoken
		spoken  string
		version uint16
	}{
		{"a whole name", "a.example.org", nil, false, "nobody 0", "http/1.1", tls.VersionTLS13},
		{"a wildcard, which speaks HTTP/2 alone", "b.example.org", nil, false, "", "h2", tls.VersionTLS12},
		{"a wildcard for a client that does not", "b.example.org", func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, true, "", "", 0},
		{"the certificate of the endpoint", "fallback.test", func(c *tls.Config) { c.NextProtos = nil }, false, "nobody 0", "", tls.VersionTLS13},
		{"a version that is not spoken", "fallback.test", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true, "", "", 0},
		{"a name that is not there", "other.test", nil, true, "", "", 0},
		{"no name", "", func(c *tls.Config) { c.InsecureSkipVerify = true }, true, "", "", 0},
		{"no certificate where it must be", "staff.example.org", func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, true, "", "", 0},
		{"a certificate where it must be", "staff.example.org", func(c *tls.Config) { c.NextProtos, c.Certificates = nil, []tls.Certificate{ours} }, false, "ada", "", tls.VersionTLS13},
		{"a stranger's certificate", "staff.example.org", func(c *tls.Config) {
			c.NextProtos = nil
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &theirs, nil }
		}, true, "", "", 0},
		{"no certificate where it may be", "perhaps.example.org", func(c *tls.Config) { c.NextProtos = nil }, false, "nobody 0", "", tls.VersionTLS13},
		{"a certificate where it may be", "perhaps.example.org", func(c *tls.Config) { c.NextProtos, c.Certificates = nil, []tls.Certificate{ours} }, false, "ada", "", tls.VersionTLS13},
		{"a stranger's certificate where it may be", "perhaps.example.org", func(c *tls.Config) {
			c.NextProtos = nil
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &theirs, nil }
		}, true, "", "", 0},
	} {
		cfg := trusting(root, tt.name)
		cfg.NextProtos = []string{"h2", "http/1.1"}
		if tt.change != nil {
			tt.change(cfg)
		}
		state, body, err := ask(address(s), cfg)
		if tt.spoken == "h2" { // only the handshake is of interest
			err = nil
		}
		if (err != nil) != tt.refused {
			t.Errorf("%s: %v, want it refused: %v", tt.why, err, tt.refused)
			continue
		}
		if !tt.refused && (state.NegotiatedProtocol != tt.spoken || state.Version != tt.version || tt.want != "" && body != tt.want) {
			t.Errorf("%s: %q in %q of %s, want %q in %q of %s", tt.why, body, state.NegotiatedProtocol, tls.VersionName(state.Version), tt.want, tt.spoken, tls.VersionName(tt.version))
		}
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	registry.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if want := `kestrel_tls_handshake_duration_seconds_count{error_type="tls_handshake_failed"`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("no metric with %s in\n%s", want, w.Body.String())
	}
}

func TestAnOCSPResponseIsStapled(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	responder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		question, err2 := ocsp.ParseRequest(body)
		if err != nil || err2 != nil {
			t.Errorf("the question cannot be read: %v, %v", err, err2)
			return
		}
		answer, err := ocsp.CreateResponse(root.Cert, root.Cert, ocsp.Response{
			Status: ocsp.Good, SerialNumber: question.SerialNumber, ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
		}, root.Key)
		if err != nil {
			t.Error(err)
		}
		w.Write(answer)
	}))
	defer responder.Close()
	cert, err := root.Issue(selfsigned.Spec{Names: []string{"localhost"}, Template: x509.Certificate{OCSPServer: []string{responder.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	cert.Certificate = append(cert.Certificate, root.Cert.Raw)
	s := start(t, Options{Endpoints: []Endpoint{{URL: "https://127.0.0.1:0", Certificate: put(t, dir, "a", cert)}}}, hello)
	eventually(t, "stapling", func() bool {
		state, _, err := ask(address(s), trusting(root, "localhost"))
		if err != nil {
			t.Fatal(err)
		}
		if state.OCSPResponse == nil {
			return false
		}
		if r, err := ocsp.ParseResponseForCert(state.OCSPResponse, cert.Leaf, root.Cert); err != nil || r.Status != ocsp.Good {
			t.Errorf("the response is %v, %v, want it good", r, err)
		}
		return true
	})
}

func TestTheDefaultCertificateIsForEndpointsThatHaveNone(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	cert := issue(t, root, hosts...)
	pfx, err := pkcs12.Modern2023.Encode(cert.PrivateKey, cert.Leaf, nil, "secret")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "cert.pfx")
	if err := os.WriteFile(path, pfx, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("Kestrel__Certificates__Default__Password", "secret")
	opts := mustParse(t, fmt.Sprintf(`{"Kestrel": {"Certificates": {"Default": {"Path": %q}}, "Endpoints": {"a": {"Url": "https://localhost:0"}, "b": {"Url": "http://127.0.0.1:0"}}}}`, path))
	if err := opts.BindEnvironment(os.Environ()); err != nil {
		t.Fatal(err)
	}
	s := start(t, opts, hello)
	client := newClient(t, nil)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: root.Pool()}
	for _, url := range s.Addresses() {
		wantHello(t, "an answer at "+url, client, url)
	}
	if err := s.AddEndpoint(t.Context(), Endpoint{Name: "c", URL: "https://localhost:0"}); err != nil {
		t.Fatal(err)
	}
	wantHello(t, "an answer at one that was added", client, s.Addresses()[2])
	var c Configuration
	c.AddCode(opts)
	var shown bytes.Buffer
	if err := c.WriteJSON(&shown); err != nil || strings.Contains(shown.String(), `"secret"`) || !strings.Contains(shown.String(), `"Password": "(not shown)"`) {
		t.Errorf("the options are shown as %s, %v, want them without the password", shown.String(), err)
	}
}

// recorder keeps the events of a server by their ids.
type recorder struct {
	mu   sync.Mutex
	seen []slog.Record
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }
func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, rec)
	return nil
}

func (r *recorder) told(e event) (out []slog.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.seen {
		if rec.Message == e.msg && rec.Level == e.level {
			out = append(out, rec)
		}
	}
	return out
}

// eventually waits for what another goroutine does with real files.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("%s did not happen in a minute", what)
		}
	}
}

func TestCertificatesAreReplacedUnderLoadWithoutAFailure(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	var log recorder
	cert := put(t, dir, "a", issue(t, root, hosts...))
	s := start(t, Options{
		Logger: slog.New(&log), CertificatePollInterval: 5 * time.Millisecond,
		Endpoints: []Endpoint{{Name: "web", URL: "https://127.0.0.1:0", Certificate: cert}},
	}, hello)
	kept := newClient(t, nil)
	kept.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: root.Pool()}
	wantHello(t, "an answer before", kept, s.Addresses()[0])
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				if _, _, err := ask(address(s), trusting(root, "localhost")); err != nil {
					t.Errorf("a handshake or request: %v", err)
					return
				}
			}
		})
	}
	for range 5 {
		next := issue(t, root, hosts...)
		put(t, dir, "a", next)
		eventually(t, "the renewal", func() bool {
			state, _, err := ask(address(s), trusting(root, "localhost"))
			return err != nil || state.PeerCertificates[0].Equal(next.Leaf)
		})
	}
	all.Wait()
	var anew atomic.Bool
	kept.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		anew.Store(true)
		return nil, net.ErrClosed
	}
	wantHello(t, "an answer on the connection that was there before", kept, s.Addresses()[0])
	if anew.Load() {
		t.Error("the old connection was made anew")
	}
	eventually(t, "an event for each renewal", func() bool { return len(log.told(eventCertificatesReloaded)) == 5 })
}

func TestCertificatesThatCannotBeUsedChangeNothing(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	var log recorder
	first := issue(t, root, hosts...)
	cert := put(t, dir, "a", first)
	opts := Options{Logger: slog.New(&log), CertificatePollInterval: None, Endpoints: []Endpoint{{Name: "web", URL: "https://127.0.0.1:0", Certificate: cert}}}
	s := start(t, opts, hello)
	shown := func(what string, want tls.Certificate) {
		t.Helper()
		state, _, err := ask(address(s), trusting(root, "localhost"))
		if err != nil || !state.PeerCertificates[0].Equal(want.Leaf) {
			t.Errorf("%s: %v, or another certificate", what, err)
		}
	}
	if err := os.WriteFile(cert.KeyPath, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context(), opts); err == nil || !strings.Contains(err.Error(), cert.KeyPath) {
		t.Errorf("reload with a key that is none: %v, want the file named", err)
	}
	shown("after a reload that was refused", first)
	bad := opts
	bad.Endpoints = append([]Endpoint{{Name: "more", URL: "http://127.0.0.1:0"}}, opts.Endpoints...)
	if err := s.Reload(t.Context(), bad); err == nil || len(s.Addresses()) != 1 {
		t.Errorf("reload with another endpoint: %v, and %d addresses, want none of it", err, len(s.Addresses()))
	}
	second := issue(t, root, hosts...)
	put(t, dir, "a", second)
	if err := s.Reload(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	shown("after a reload", second)
	if n := len(log.told(eventCertificatesReloaded)); n != 1 {
		t.Errorf("%d reloads were logged, want the one that was made", n)
	}
	third := opts
	third.Endpoints = []Endpoint{{Name: "web", URL: "https://127.0.0.1:0", Certificate: cert, SNI: map[string]SNIOptions{"localhost": {}}}}
	if err := s.Reload(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	shown("by name", second)
	if _, _, err := ask(address(s), &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("a client without a name is served")
	}
	if told := log.told(eventNameUnknown); len(told) != 1 {
		t.Errorf("%d unknown names were logged, want 1", len(told))
	}
	other := opts
	other.TicketKeysFile = filepath.Join(dir, "keys")
	if err := s.Reload(t.Context(), other); err == nil || !strings.Contains(err.Error(), "TicketKeysFile") {
		t.Errorf("reload with other ticket keys: %v", err)
	}
}

func TestClientsComeBackToAnotherServerAndAfterARestartByTheSharedKeys(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	cert := issue(t, root, "localhost")
	byFile := Endpoint{Name: "web", URL: "https://127.0.0.1:0", Certificate: put(t, dir, "a", cert)}
	byCode := Endpoint{Name: "web", URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}
	for name, e := range map[string]Endpoint{"file": byFile, "code": byCode} {
		opts := Options{TicketKeysFile: filepath.Join(dir, "keys-"+name), Endpoints: []Endpoint{e}}
		client := trusting(root, "localhost")
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		resumes := func(s *Server) bool {
			t.Helper()
			state, _, err := ask(address(s), client)
			if err != nil {
				t.Fatal(err)
			}
			return state.DidResume
		}
		first, second := start(t, opts, hello), start(t, opts, hello)
		if resumes(first) {
			t.Errorf("%s: the first handshake resumes something", name)
		}
		for range 2 {
			if !resumes(second) || !resumes(first) {
				t.Errorf("%s: a client makes a whole handshake with the other server", name)
			}
		}
		first.Stop(t.Context())
		second.Stop(t.Context())
		if !resumes(start(t, opts, hello)) {
			t.Errorf("%s: a client makes a whole handshake after a restart", name)
		}
		opts.TicketKeysFile = ""
		if resumes(start(t, opts, hello)) {
			t.Errorf("%s: a server without the file knows the tickets", name)
		}
	}
}

func TestNewTicketKeysUnderLoadFailNoRequest(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	keys := filepath.Join(dir, "keys")
	opts := Options{TicketKeysFile: keys, Endpoints: []Endpoint{{Name: "web", URL: "https://127.0.0.1:0", Certificate: put(t, dir, "a", issue(t, root, "localhost"))}}}
	s := start(t, opts, hello)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			client := trusting(root, "localhost")
			client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for range 50 {
				if _, _, err := ask(address(s), client); err != nil {
					t.Errorf("a handshake or request: %v", err)
					return
				}
			}
		})
	}
	for range 5 { // each makes keys of its own, since the file is not there
		os.Remove(keys)
		start(t, opts, hello)
	}
	all.Wait()
}

func TestTicketKeysThatCannotBeUsedAreAMistake(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	keys := filepath.Join(dir, "keys")
	if err := os.WriteFile(keys, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(Options{Logger: discard, TicketKeysFile: keys, Endpoints: []Endpoint{{URL: "https://127.0.0.1:0", Certificate: put(t, dir, "a", issue(t, root, "localhost"))}}})
	if err := s.Start(t.Context(), hello); err == nil || !strings.Contains(err.Error(), keys) {
		t.Errorf("%v, want the file named", err)
	}
}

func TestMistakesInWhatIsShownAreFoundWithoutTheFiles(t *testing.T) {
	for _, tt := range []struct{ e, want string }{
		{`"Certificate": {"Password": "p"}`, "Certificate.Password is there, but there is no Path or Directory"},
		{`"AlternateCertificate": {"Path": "a"}, "Sni": {"*": {"Certificate": {"Path": "b"}}}`, "AlternateCertificate is there without a Certificate"},
		{`"Sni": {"a.example.org": {}}`, `Sni "a.example.org" has no certificate`},
		{`"Sni": {"a:443": {"Certificate": {"Path": "b"}}}`, `"a:443" is not a host name`},
		{`"Certificate": {"Path": "b"}, "Sni": {"a%s.": {"Certificate": {"KeyPath": "k"}}, "A%s": {}}`, `are the same name of Sni`},
		{`"Certificate": {"Path": "b"}, "Sni": {"a%s.": {"Certificate": {"KeyPath": "k"}}}`, `Sni.a%s..Certificate.KeyPath is "k", but there is no Certificate.Path`},
		{`"Certificate": {"Path": "b"}, "ClientCertificateMode": "RequireCertificate"`, "set ClientCertificateAuthorities to a PEM file"},
		{`"Certificate": {"Path": "b"}, "Sni": {"a": {"ClientCertificateMode": "AllowCertificate"}}`, "Sni.a.ClientCertificateMode is AllowCertificate, but which authorities"},
		{`"Certificate": {"Path": "b"}, "ClientCertificateMode": "DelayCertificate"`, "a client cannot be asked later"},
		{`"Certificate": {"Path": "b"}, "SslProtocols": ["Tls11"]`, "the least is Tls12"},
		{`"Certificate": {"Path": "b"}, "SslProtocols": "Tls12"`, "must be a list, not a text"},
		{`"Certificate": {"Path": "b", "Subject": "x"}`, "the certificate stores of Windows are not read"},
		{`"Certificate": {"Path": "b", "Password": 12345}`, "Password must be a text, not a number; put it in quotes"},
		{`"Certificate": {"Path": "b"}, "Sni": {"a": {"Certifcate": {}}}`, `unknown key "Certifcate" in Endpoints.web.Sni.a; did you mean "Certificate"?`},
		{`"Certificate": {"Path": "b"}, "Sni": {"a": {}, "A": {}}`, `"A" is there twice in Endpoints.web.Sni`},
	} {
		_, err := ParseOptions("f.json", []byte(`{"Kestrel": {"Endpoints": {"web": {"Url": "https://*:1", `+tt.e+`}}}}`))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "f.json:1:") || strings.Contains(err.Error(), "12345") {
			t.Errorf("%s\n got %v\nwant %s", tt.e, err, tt.want)
		}
	}
}

func TestLayersOfSNIAddUp(t *testing.T) {
	var c Configuration
	c.AddFile("f.json", []byte(`{"Kestrel": {"Endpoints": {"web": {"Url": "https://*:1", "Certificate": {"Path": "c"}, "Sni": {"a.example.org": {"Certificate": {"Path": "a"}, "Protocols": "Http1"}}}}}}`))
	before, err := c.Options()
	if err != nil {
		t.Fatal(err)
	}
	c.AddEnvironment([]string{"Kestrel__Endpoints__web__Sni__A.example.org__Certificate__KeyPath=k", "Kestrel__Endpoints__web__Sni__A.example.org__Protocols=Http2", "Kestrel__Endpoints__web__Sni__b__SslProtocols__0=Tls13"})
	opts, err := c.Options()
	if err != nil {
		t.Fatal(err)
	}
	a, b := opts.Endpoints[0].SNI["a.example.org"], opts.Endpoints[0].SNI["b"]
	if a.Certificate != (Certificate{Path: "a", KeyPath: "k"}) || *a.Protocols != HTTP2 || len(opts.Endpoints[0].SNI) != 2 || len(b.TLSVersions) != 1 || b.TLSVersions[0] != TLS13 {
		t.Errorf("the options are %+v", opts.Endpoints[0].SNI)
	}
	if was := before.Endpoints[0].SNI; len(was) != 1 || *was["a.example.org"].Protocols != HTTP1 || was["a.example.org"].Certificate.KeyPath != "" {
		t.Errorf("options that were made before have become %+v", was)
	}
	var shown bytes.Buffer
	if err := c.WriteJSON(&shown); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Sni": {`, `"a.example.org": {`, `"SslProtocols": [`, `"Endpoints.web.Sni.a.example.org.Certificate.Path": "f.json:1:`, `"Endpoints.web.Sni.b.SslProtocols": "environment variable`} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("what is shown has no %s:\n%s", want, shown.String())
		}
	}
	var again Configuration
	again.AddFile("shown.json", shown.Bytes())
	if _, err := again.Options(); err != nil {
		t.Errorf("what is shown cannot be read: %v", err)
	}
}

func TestTLSFromCodeOffersNoWeakSuites(t *testing.T) {
	cert := newCertificate(t, hosts...)
	s := start(t, Options{Endpoints: []Endpoint{{URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}}}, hello)
	for suite, want := range map[uint16]bool{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: false} {
		_, _, err := ask(address(s), &tls.Config{RootCAs: selfsigned.Pool(cert), ServerName: "localhost", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
		if (err == nil) != want {
			t.Errorf("%s: %v, want it spoken: %v", tls.CipherSuiteName(suite), err, want)
		}
	}
}

func TestTheReferenceListsTheEventsOfCertificates(t *testing.T) {
	data, err := os.ReadFile("../docs/reference/log-events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if want := fmt.Sprintf("| %d | %s | %s | %s |", e.id, e.name, map[slog.Level]string{slog.LevelDebug: "Debug", slog.LevelInfo: "Info", slog.LevelWarn: "Warning", slog.LevelError: "Error"}[e.level], e.msg); !strings.Contains(string(data), want) {
			t.Errorf("docs/reference/log-events.md has no row that begins with %s", want)
		}
	}
}
