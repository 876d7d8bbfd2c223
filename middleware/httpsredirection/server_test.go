package httpsredirection_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/middleware/hsts"
	"github.com/lannerhq/lanner/middleware/httpsredirection"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// start serves by kestrel, on http and on so many https ports of loopback.
func start(t *testing.T, app server.Application, cert tls.Certificate, secure int) *kestrel.Server {
	t.Helper()
	endpoints := []kestrel.Endpoint{{URL: "http://127.0.0.1:0"}}
	for range secure {
		endpoints = append(endpoints, secureEndpoint(cert))
	}
	srv := kestrel.New(kestrel.Options{Endpoints: endpoints, Logger: slog.New(slog.DiscardHandler)})
	if err := srv.Start(context.Background(), app); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return srv
}

func secureEndpoint(cert tls.Certificate) kestrel.Endpoint {
	return kestrel.Endpoint{Name: "secure", URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}
}

// newClient trusts cert and finds shop.example at 127.0.0.1. It follows redirects.
func newClient(t *testing.T, cert tls.Certificate) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: selfsigned.Pool(cert)}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestKestrelRedirectsToItsHTTPSEndpoint(t *testing.T) {
	cert, err := selfsigned.New("shop.example", "localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	none := func(string) string { return "" }
	redirect := httpsredirection.Options{Getenv: none, ExcludedPaths: []string{httpsredirection.ACMEChallenges}}
	strict := hsts.Options{}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", r.RequestURI, " ", r.TLS != nil, " ", string(body))
	})
	redirectHandler, err := httpsredirection.New(redirect)
	if err != nil {
		t.Fatal(err)
	}
	strictHandler, err := hsts.New(strict)
	if err != nil {
		t.Fatal(err)
	}
	redirectApplication, err := httpsredirection.NewApplication(redirect)
	if err != nil {
		t.Fatal(err)
	}
	strictApplication, err := hsts.NewApplication(strict)
	if err != nil {
		t.Fatal(err)
	}
	for form, app := range map[string]server.Application{
		"handlers":     server.HTTP(strictHandler(redirectHandler(echo))),
		"applications": strictApplication(redirectApplication(server.HTTP(echo))),
	} {
		t.Run(form, func(t *testing.T) {
			srv := start(t, app, cert, 1)
			port := srv.Addresses()[0][strings.LastIndex(srv.Addresses()[0], ":"):]
			client := newClient(t, cert)
			for _, tt := range []struct{ method, url, body, want, strict string }{
				{"GET", "http://shop.example" + port + "/a?b=c", "", "GET /a?b=c true ", "max-age=2592000"},
				{"POST", "http://shop.example" + port + "/form", "name=value", "POST /form true name=value", "max-age=2592000"}, // 307 keeps both
				{"GET", "http://shop.example" + port + "/.well-known/acme-challenge/token", "", "GET /.well-known/acme-challenge/token false ", ""},
				{"GET", "http://127.0.0.1" + port + "/", "", "GET / true ", ""}, // HSTS leaves local hosts out
			} {
				r, err := http.NewRequest(tt.method, tt.url, strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				res, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || string(body) != tt.want {
					t.Errorf("%s %s ends with %q, %v, want %q", tt.method, tt.url, body, err, tt.want)
				}
				if got := strings.Join(res.Header.Values("Strict-Transport-Security"), " | "); got != tt.strict {
					t.Errorf("%s %s: Strict-Transport-Security %q, want %q", tt.method, tt.url, got, tt.strict)
				}
				if first := res.Request.Response; first != nil && first.Header.Get("Strict-Transport-Security") != "" {
					t.Error("the redirect itself, by http, has Strict-Transport-Security: RFC 6797 §7.2 forbids it")
				}
			}
		})
	}
}

func TestKestrelWithSeveralHTTPSPortsDoesNotGuess(t *testing.T) {
	cert, err := selfsigned.New("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	redirect, err := httpsredirection.New(httpsredirection.Options{Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	app := server.HTTP(redirect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "passed") })))
	for secure, want := range map[int]int{0: 200, 1: 307, 2: 200} {
		srv := start(t, app, cert, secure)
		client := newClient(t, cert)
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		res, err := client.Get(srv.Addresses()[0])
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("with %d https ports: %d, want %d", secure, res.StatusCode, want)
		}
	}
}
