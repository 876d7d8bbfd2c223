package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lannerhq/lanner/test/selfsigned"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Of fasthttp: the first two sleep for some seconds before they see that their server has been shut down, its clock never
	// ends.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*inMemoryCacheManager).handleCleanCache"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

func files(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "4k.bin"), block[:4096], 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// wantContract demands the answers that the benchmarks compare.
func wantContract(t *testing.T, client *http.Client, base string) {
	t.Helper()
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               []byte
	}{
		{"GET", "/plaintext", "", 200, hello},
		{"GET", "/json", "", 200, helloJSON},
		{"POST", "/echo", "sent", 200, []byte("sent")},
		{"GET", "/bytes?n=65536", "", 200, block[:65536]},
		{"GET", "/bytes?n=1048576", "", 200, block},
		{"GET", "/bytes?n=1048577", "", 400, nil},
		{"GET", "/bytes?n=many", "", 400, nil},
		{"GET", "/files/4k.bin", "", 200, block[:4096]},
		{"GET", "/files/missing", "", 404, nil},
		{"GET", "/missing", "", 404, nil},
	} {
		req, err := http.NewRequest(tt.method, base+tt.path, bytes.NewReader([]byte(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", tt.method, tt.path, err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || tt.want != nil && !bytes.Equal(body, tt.want) {
			t.Errorf("%s %s: %s with %d bytes %.40q, %v, want %d with %d bytes", tt.method, tt.path, resp.Status, len(body), body, err, tt.status, len(tt.want))
		}
	}
}

func TestNetHTTPAnswersTheContract(t *testing.T) {
	s := httptest.NewServer(netHTTPHandler(files(t)))
	defer s.Close()
	wantContract(t, s.Client(), s.URL)
}

func TestTheReverseProxyPassesTheContractOn(t *testing.T) {
	upstream := httptest.NewServer(netHTTPHandler(files(t)))
	defer upstream.Close()
	u, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := reverseProxy(u)
	s := httptest.NewServer(proxy)
	defer s.Close()
	defer proxy.Transport.(*http.Transport).CloseIdleConnections()
	wantContract(t, s.Client(), s.URL)
}

func TestFastHTTPAnswersTheContract(t *testing.T) {
	cert, err := selfsigned.New("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	path, keyPath, err := selfsigned.Write(t.TempDir(), cert)
	if err != nil {
		t.Fatal(err)
	}
	folder := files(t)
	for scheme, o := range map[string]options{"http": {files: folder}, "https": {files: folder, cert: path, key: keyPath}} {
		t.Run(scheme, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := newFastHTTP(o.files)
			s.Logger = log.New(io.Discard, "", 0)
			done := make(chan error)
			go func() { done <- listenFastHTTP(s, l, o) }()
			// A client that offers HTTP/1.1 alone demands an answer by ALPN.
			secure := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}, VerifyConnection: func(c tls.ConnectionState) error {
				if c.NegotiatedProtocol != "http/1.1" {
					t.Errorf("the server chose %q by ALPN", c.NegotiatedProtocol)
				}
				return nil
			}}
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: secure}, Timeout: 10 * time.Second}
			wantContract(t, client, scheme+"://"+l.Addr().String())
			if err := s.Shutdown(); err != nil {
				t.Errorf("shutting down: %v", err)
			}
			if err := <-done; err != nil {
				t.Errorf("serving ended with %v", err)
			}
		})
	}
}

// h2Client speaks HTTP/2 alone, encrypted or not.
func h2Client(t *testing.T) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func TestXNetAnswersTheContractInHTTP2(t *testing.T) {
	cert, err := selfsigned.New("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	path, keyPath, err := selfsigned.Write(t.TempDir(), cert)
	if err != nil {
		t.Fatal(err)
	}
	folder := files(t)
	for scheme, serve := range map[string]func(*xNet, net.Listener) error{
		"http":  (*xNet).serve,
		"https": func(s *xNet, l net.Listener) error { return s.serveTLS(l, path, keyPath) },
	} {
		t.Run(scheme, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := newXNet(netHTTPHandler(folder))
			done := make(chan error)
			go func() { done <- serve(s, l) }()
			client := h2Client(t)
			wantContract(t, client, scheme+"://"+l.Addr().String())
			client.CloseIdleConnections()
			l.Close()
			if err := errors.Join(<-done, s.http.Close()); err == nil {
				t.Error("serving ended without saying why")
			}
		})
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for name, fail := range map[string]func() error{
		"a peer that does not exist":       func() error { return serve("iis", options{}) },
		"a proxy without an upstream":      func() error { return serve("reverseproxy", options{upstream: "nonsense"}) },
		"an address that cannot be opened": func() error { return serve("nethttp", options{addr: "127.0.0.1:nonsense"}) },
		"one of xnet":                      func() error { return serve("xnet", options{addr: "127.0.0.1:nonsense"}) },
		"a certificate that is not there":  func() error { return serve("xnet", options{addr: "127.0.0.1:0", cert: "missing", key: "missing"}) },
		"one of net/http":                  func() error { return serve("nethttp", options{addr: "127.0.0.1:0", cert: "missing", key: "missing"}) },
		"one of fasthttp":                  func() error { return serve("fasthttp", options{addr: "127.0.0.1:0", cert: "missing", key: "missing"}) },
		"one for allocations":              func() error { return serve("nethttp", options{debug: "127.0.0.1:nonsense"}) },
	} {
		if fail() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
