package httpsredirection_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/lannerhq/lanner/middleware/httpsredirection"
)

func Example() {
	redirect, err := httpsredirection.New(httpsredirection.Options{HTTPSPort: 8443, ExcludedPaths: []string{httpsredirection.ACMEChallenges}})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := redirect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	for _, path := range []string{"/cart?id=1", "/.well-known/acme-challenge/token"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://www.example.com:8080"+path, nil))
		fmt.Println(w.Code, w.Header().Get("Location"))
	}
	// Output:
	// 307 https://www.example.com:8443/cart?id=1
	// 200
}
