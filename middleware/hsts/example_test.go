package hsts_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/lannerhq/lanner/middleware/hsts"
)

func Example() {
	strict, err := hsts.New(hsts.Options{MaxAge: 365 * 24 * time.Hour, IncludeSubDomains: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := strict(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	for _, url := range []string{"https://www.example.com/", "http://www.example.com/"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		fmt.Printf("%s %q\n", url, w.Header().Get("Strict-Transport-Security"))
	}
	// Output:
	// https://www.example.com/ "max-age=31536000; includeSubDomains"
	// http://www.example.com/ ""
}
