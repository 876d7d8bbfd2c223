package hostfiltering_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/lannerhq/lanner/middleware/hostfiltering"
)

func Example() {
	filter, err := hostfiltering.New(hostfiltering.Options{AllowedHosts: []string{"example.com;*.example.com"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := filter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	for _, host := range []string{"www.example.com", "evil.test"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://"+host+"/", nil))
		fmt.Println(host, w.Code)
	}
	// Output:
	// www.example.com 200
	// evil.test 400
}
