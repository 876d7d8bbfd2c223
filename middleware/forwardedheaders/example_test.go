package forwardedheaders_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/lannerhq/lanner/middleware/forwardedheaders"
)

func Example() {
	proxied := forwardedheaders.New(forwardedheaders.Options{
		Headers:       forwardedheaders.For | forwardedheaders.Proto,
		KnownNetworks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, // httptest's clients are there
	})
	h := proxied(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.RemoteAddr, forwardedheaders.Scheme(r), r.TLS != nil)
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.7:50123")
	r.Header.Set("X-Forwarded-Proto", "https")
	h.ServeHTTP(httptest.NewRecorder(), r)
	// Output: 203.0.113.7:50123 https true
}
