package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/test/selfsigned"
)

const redirectingSite = `
sites:
  shop:
    bindings: [http://127.0.0.1:0]
    applications:
      - path: /
        hosting: %[1]s
        command: [SELF]
        directory: DIR
        environment: {LANNER_E2E_PROGRAM: redirecting%[2]s}
      - path: /sub
        hosting: %[1]s
        command: [SELF]
        directory: DIR
        environment: {LANNER_E2E_PROGRAM: redirecting%[2]s}
`

func TestTheHTTPSPortOfTheHostReachesRedirection(t *testing.T) {
	for _, hosting := range []string{"inprocess", "outofprocess"} {
		t.Run(hosting, func(t *testing.T) {
			r := startHost(t, fmt.Sprintf(redirectingSite, hosting, ", ASPNETCORE_ANCM_HTTPS_PORT: '123'"))
			r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			for _, path := range []string{"/a?b=c", "/sub/a%2Fb?c", "/sub"} {
				req, err := http.NewRequest("GET", r.urls[0]+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = "shop.example"
				res, err := r.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				// an-209: the port of the variable is used.
				if got, want := res.Header.Get("Location"), "https://shop.example:123"+path; res.StatusCode != 307 || got != want {
					t.Errorf("%s: %d %q, want 307 %q", path, res.StatusCode, got, want)
				}
			}
		})
	}
}

func TestWithoutAnHTTPSPortTheHostsApplicationsServeHTTP(t *testing.T) {
	for _, hosting := range []string{"inprocess", "outofprocess"} {
		t.Run(hosting, func(t *testing.T) {
			r := startHost(t, fmt.Sprintf(redirectingSite, hosting, ""))
			r.wantGet("no binding is https", "/x", 200, "path=/x")
		})
	}
}

const securedSite = `
sites:
  shop:
    bindings:
      - {address: 127.0.0.1, port: %[2]d, host: shop.example}
      - {protocol: https, address: 127.0.0.1, port: %[3]d, host: shop.example, certificate: {path: DIR/cert.pem, keyPath: DIR/key.pem}}
    applications:
      - path: /
        hosting: %[1]s
        command: [SELF]
        directory: DIR
        environment: {LANNER_E2E_PROGRAM: redirecting, NAME: shop}
`

// A client that is given the http address ends at the https binding of the same site, and is told to come by https from then on.
func TestAClientIsSentToTheHTTPSBindingOfItsSite(t *testing.T) {
	for _, hosting := range hostingModels {
		t.Run(hosting, func(t *testing.T) {
			plain, secure := freePort(t), freePort(t)
			a := newAuthority(t)
			startHostIn(t, fmt.Sprintf(securedSite, hosting, plain, secure), func(dir string) {
				a.issue(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), selfsigned.Spec{Names: []string{"shop.example"}})
			})
			for _, http2 := range []bool{false, true} {
				cfg := a.trust()
				cfg.ServerName = "" // that of the URL
				tr := &http.Transport{TLSClientConfig: cfg, Protocols: new(http.Protocols),
					DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) { // names lead to this computer, ports stay
						return new(net.Dialer).DialContext(ctx, network, strings.Replace(addr, "shop.example", "127.0.0.1", 1))
					}}
				tr.Protocols.SetHTTP1(true)
				tr.Protocols.SetHTTP2(http2)
				t.Cleanup(tr.CloseIdleConnections)
				var via []*http.Response
				client := &http.Client{Transport: tr, Timeout: 30 * time.Second, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
					via = append(via, req.Response)
					return nil
				}}
				res, err := client.Get(fmt.Sprintf("http://shop.example:%d/a%%2Fb?c=d", plain))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				want := "https://shop.example:" + strconv.Itoa(secure) + "/a%2Fb?c=d"
				if len(via) != 1 || via[0].StatusCode != 307 || via[0].Header.Get("Location") != want || via[0].Header.Get("Strict-Transport-Security") != "" {
					t.Fatalf("by http: %+v, want one redirect to %s, without HSTS (RFC 6797 §7.2)", via, want)
				}
				if err != nil || res.StatusCode != 200 || res.TLS == nil || (res.ProtoMajor == 2) != http2 || !strings.Contains(string(body), "name=shop") {
					t.Errorf("by https: %s %s %q, %v", res.Status, res.Proto, body, err)
				}
				if got := res.Header.Get("Strict-Transport-Security"); got != "max-age=2592000" {
					t.Errorf("by https Strict-Transport-Security is %q, want max-age=2592000", got)
				}
			}
		})
	}
}
