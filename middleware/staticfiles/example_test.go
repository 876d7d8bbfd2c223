package staticfiles_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing/fstest"

	"github.com/lannerhq/lanner/middleware/staticfiles"
)

func Example() {
	files, err := staticfiles.New(staticfiles.Options{
		FS:           fstest.MapFS{"assets/app.js": {Data: []byte("alert(1)")}},
		CacheControl: []staticfiles.CacheRule{{Pattern: "assets/", Value: "public, max-age=31536000, immutable"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer files.Close()
	h := files.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "the application answers", r.URL.Path)
	}))
	for _, path := range []string{"/assets/app.js", "/orders"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Printf("%q %q\n", w.Body, w.Header().Get("Cache-Control"))
	}
	// Output:
	// "alert(1)" "public, max-age=31536000, immutable"
	// "the application answers /orders\n" ""
}
