package kestrel

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/connection/proxyprotocol"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

func newCertificate(t *testing.T, names ...string) tls.Certificate {
	t.Helper()
	cert, err := selfsigned.New(names...)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// secureClient is an HTTP client that trusts cert alone.
func secureClient(t *testing.T, cert tls.Certificate, dial func() (net.Conn, error)) *http.Client {
	c := newClient(t, dial)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: selfsigned.Pool(cert)}
	return c
}

// hosts are the names of local endpoints.
var hosts = []string{"localhost", "127.0.0.1"}

func TestAnHTTPSEndpointServesAnOrdinaryClient(t *testing.T) {
	cert := newCertificate(t, hosts...)
	file := filepath.Join(t.TempDir(), "large")
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	if err := os.WriteFile(file, large, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Endpoints: []Endpoint{{URL: "https://localhost:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}}},
		server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection-Id", connectionID(r))
			switch r.URL.Path {
			case "/file":
				http.ServeFile(w, r, file)
			case "/echo":
				io.Copy(w, r.Body)
			default:
				fmt.Fprint(w, r.TLS.NegotiatedProtocol, " ", r.ProtoMajor)
			}
		})))
	url := s.Addresses()[0]
	if !strings.HasPrefix(url, "https://localhost:") {
		t.Errorf("the address is %s, want it with its scheme", url)
	}
	for _, protocol := range []string{" 1", "h2 2"} { // without a choice by ALPN, and with one
		t.Run(protocol, func(t *testing.T) {
			client := secureClient(t, cert, nil)
			client.Transport.(*http.Transport).ForceAttemptHTTP2 = strings.HasPrefix(protocol, "h2")
			wantOrdinary(t, client, url, protocol, string(large))
		})
	}
}

// wantOrdinary asks for what the server of the test above has, on one connection.
func wantOrdinary(t *testing.T, client *http.Client, url, protocol, large string) {
	ids := map[string]bool{}
	ask := func(method, path string, body io.Reader) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		defer res.Body.Close()
		got, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		ids[res.Header.Get("Connection-Id")] = true
		return string(got)
	}
	for range 2 {
		if got := ask("GET", "/", nil); got != protocol {
			t.Errorf("the request is %q, want %q", got, protocol)
		}
		if got := ask("GET", "/file", nil); got != large {
			t.Errorf("%d bytes of the file come, want all of it", len(got))
		}
		if got := ask("POST", "/echo", strings.NewReader(large)); got != large {
			t.Errorf("%d bytes come back, want the 1 MiB that was sent", len(got))
		}
		if got := ask("POST", "/echo", struct{ io.Reader }{strings.NewReader(large)}); got != large { // chunked
			t.Errorf("%d bytes come back in chunks, want the 1 MiB that was sent", len(got))
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d connections were used, want one that is kept alive", len(ids))
	}
}

func TestHandshakesThatHangHoldUpNobody(t *testing.T) {
	cert := newCertificate(t, hosts...)
	s := start(t, Options{Endpoints: []Endpoint{
		{URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}},
		{URL: "http://127.0.0.1:0"}, // on the event loop, where there is one
	}}, hello)
	addr := strings.TrimPrefix(s.Addresses()[0], "https://")
	for range 20 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		io.WriteString(nc, "\x16\x03\x01\x02\x00")
	}
	client := secureClient(t, cert, nil)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { wantHello(t, "an answer beside handshakes that hang", client, s.Addresses()[i%2]) })
	}
	all.Wait()
}

func TestTheProxyProtocolComesBeforeTLS(t *testing.T) {
	cert := newCertificate(t, hosts...)
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s := start(t, Options{Endpoints: []Endpoint{{
		URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		Middleware: []connection.Middleware{proxyprotocol.New(proxyprotocol.Options{Trusted: trusted, Logger: discard})},
	}}}, server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr, " ", r.TLS != nil) })))
	addr := strings.TrimPrefix(s.Addresses()[0], "https://")
	client := secureClient(t, cert, func() (net.Conn, error) {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			_, err = io.WriteString(nc, "PROXY TCP4 192.0.2.7 198.51.100.1 7000 443\r\n")
		}
		return nc, err
	})
	for range 2 {
		res, err := client.Get(s.Addresses()[0])
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != "192.0.2.7:7000 true" || err != nil {
			t.Errorf("the request comes from %q, %v, want the client that the balancer named, by TLS", body, err)
		}
	}
}

func TestACertificateIsReadFromFilesAndAgainByReload(t *testing.T) {
	dir := t.TempDir()
	first, second := newCertificate(t, hosts...), newCertificate(t, hosts...)
	path, keyPath, err := selfsigned.Write(dir, first)
	if err != nil {
		t.Fatal(err)
	}
	opts := mustParse(t, fmt.Sprintf(`{"Kestrel": {"Endpoints": {"web": {"Url": "https://127.0.0.1:0", "Certificate": {"Path": %q, "KeyPath": %q}}}}}`, path, keyPath))
	s := start(t, opts, hello)
	url := s.Addresses()[0]
	kept := secureClient(t, first, nil)
	wantHello(t, "the certificate of the file", kept, url)
	endpoint := func() any { return s.open[0].current.Load() }
	was := endpoint()
	if err := s.Reload(t.Context(), opts); err != nil || endpoint() != was {
		t.Errorf("reload with the files as they were: %v, and the endpoint is another: %v, want nothing to happen", err, endpoint() != was)
	}
	if _, _, err := selfsigned.Write(dir, second); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	wantHello(t, "the connection that was open, as before", kept, url)
	wantHello(t, "the new certificate on a new one", secureClient(t, second, nil), url)
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context(), opts); err == nil || !strings.Contains(err.Error(), `endpoint "web": cannot use the certificate `+path) {
		t.Errorf("reload with a file that is none: %v, want it to name the file", err)
	}
	wantHello(t, "the certificate that was there", secureClient(t, second, nil), url)
}

func TestCertificatesThatCannotBeUsedAreMistakes(t *testing.T) {
	dir := t.TempDir()
	path, keyPath, err := selfsigned.Write(dir, newCertificate(t, "localhost"))
	if err != nil {
		t.Fatal(err)
	}
	forClients, err := selfsigned.ForClients("ada")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	clientPath, clientKey, err := selfsigned.Write(folder, forClients)
	if err != nil {
		t.Fatal(err)
	}
	none := &tls.Config{}
	for _, tt := range []struct {
		e    Endpoint
		want string
	}{
		{Endpoint{URL: "https://127.0.0.1:0"}, "https needs a certificate: set the endpoint's TLS in code, or Certificate.Path"},
		{Endpoint{URL: "http://127.0.0.1:0", TLS: none}, "http does not encrypt: write https"},
		{Endpoint{URL: "https://127.0.0.1:0", TLS: none}, "TLS has no certificate: set its Certificates"},
		{Endpoint{URL: "https://127.0.0.1:0", TLS: &tls.Config{MinVersion: tls.VersionTLS10}, Certificate: Certificate{Path: path, KeyPath: keyPath}}, "TLS.MinVersion is TLS 1.0: the least is TLS 1.2"},
		{Endpoint{URL: "https://127.0.0.1:0", TLS: &tls.Config{MaxVersion: tls.VersionTLS11}, Certificate: Certificate{Path: path, KeyPath: keyPath}}, "TLS.MaxVersion is TLS 1.1"},
		{Endpoint{URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: make([]tls.Certificate, 1)}, Certificate: Certificate{Path: path, KeyPath: keyPath}}, "leave one of them out"},
		{Endpoint{URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: make([]tls.Certificate, 1)}, TLSVersions: []TLSVersion{TLS13}}, "SslProtocols is there, but no Certificate from files: with TLS from code set its"},
		{Endpoint{URL: "http://127.0.0.1:0", ClientCertificateMode: AllowCertificate, ClientCertificateAuthorities: path}, "ClientCertificateMode is there, but no Certificate from files: http does not encrypt"},
		{Endpoint{URL: "https://127.0.0.1:0", Certificate: Certificate{Path: path}}, "with its key in the same file since there is no Certificate.KeyPath"},
		{Endpoint{URL: "https://127.0.0.1:0", Certificate: Certificate{Path: path, KeyPath: clientKey}}, "with the key " + clientKey},
		{Endpoint{URL: "https://127.0.0.1:0", Certificate: Certificate{Path: "/nowhere.pem", KeyPath: keyPath}}, "cannot use the certificate /nowhere.pem"},
		{Endpoint{URL: "https://127.0.0.1:0", Certificate: Certificate{Path: clientPath, KeyPath: clientKey}}, "extended key usage is not that of a server"},
		{Endpoint{URL: "https://127.0.0.1:0", Certificate: Certificate{Path: path, KeyPath: keyPath}, HandshakeTimeout: -2}, "HandshakeTimeout is -2ns"},
		{Endpoint{URL: "https://127.0.0.1:0", Certificate: Certificate{Path: path, KeyPath: keyPath}, Protocols: 9}, "Protocols is invalid(9)"},
	} {
		s := New(Options{Logger: discard, Endpoints: []Endpoint{tt.e}})
		err := s.Start(t.Context(), hello)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.e, err, tt.want)
		}
		s.Stop(t.Context())
	}
	s := New(Options{Logger: discard})
	addresses, _ := server.Get[server.ServerAddressesFeature](s.Features())
	addresses.SetAddresses([]string{"https://127.0.0.1:0"})
	if err := s.Start(t.Context(), hello); err == nil || !strings.Contains(err.Error(), "https needs a certificate") {
		t.Errorf("an address without an endpoint: %v, want the way out", err)
	}
}

func TestAListenerCanHaveTLS(t *testing.T) {
	cert := newCertificate(t, hosts...)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}}
	s := start(t, Options{Endpoints: []Endpoint{{Name: "l", Listener: l, TLS: cfg}}}, hello)
	if got, want := s.Addresses()[0], "https://"+l.Addr().String(); got != want {
		t.Errorf("the address is %s, want %s", got, want)
	}
	wantHello(t, "an answer by TLS", secureClient(t, cert, nil), s.Addresses()[0])
	for range 2 { // and back: the socket stays, and is on the event loop where there is one
		for _, e := range []Endpoint{{Name: "l", Listener: l}, {Name: "l", Listener: l, TLS: cfg}} {
			if err := s.Reload(t.Context(), Options{Endpoints: []Endpoint{e}}); err != nil {
				t.Fatal(err)
			}
			wantHello(t, "an answer after the change", secureClient(t, cert, nil), s.Addresses()[0])
		}
	}
}

func TestAnEndpointWithTLSComesAndGoesWhileTheServerServes(t *testing.T) {
	cert := newCertificate(t, hosts...)
	s := start(t, Options{Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}}}, hello)
	if err := s.AddEndpoint(t.Context(), Endpoint{Name: "tls", URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}); err != nil {
		t.Fatal(err)
	}
	url := s.Addresses()[1]
	wantHello(t, "an answer by TLS", secureClient(t, cert, nil), url)
	hangs, err := net.Dial("tcp", strings.TrimPrefix(url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := s.RemoveEndpoint(ctx, "tls"); err != nil {
		t.Errorf("remove: %v, want a handshake that hangs ended with the endpoint", err)
	}
	if n, err := hangs.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("it reads %d bytes, %v, want its end", n, err)
	}
}

func connectionID(r *http.Request) string {
	f, _ := server.From[server.ConnectionFeature](r.Context())
	return f.ConnectionID()
}
