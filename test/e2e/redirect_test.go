package e2e

import (
	"fmt"
	"net/http"
	"testing"
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
