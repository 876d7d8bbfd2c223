package staticfiles

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func TestTheApplicationFormAnswersAsTheMiddleware(t *testing.T) {
	files := serve(t, Options{Root: compressed(t), NoSniff: true, CacheControl: []CacheRule{{"*.js", "no-cache"}}})
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	// The function around it keeps server.Handler from taking out a handler that went in.
	app := server.Handler(server.ApplicationFunc(files.Application(server.HTTP(next)).Process))
	plain := files.Middleware(next)
	tag := ask(plain, "GET", "/app.js").Header().Get("Etag")
	for _, method := range []string{"GET", "HEAD", "POST"} {
		for _, target := range []string{"/app.js", "/big.js", "/worse.txt", "/none", "/", "/app.js/", "/../app.js"} {
			for _, fields := range [][]string{
				{}, {"Accept-Encoding", "br"}, {"Accept-Encoding", "gzip;q=0", "Accept-Encoding", "zstd"}, {"Range", "bytes=1-2"}, {"If-None-Match", tag},
				{"If-Match", `"x"`}, {"If-Modified-Since", "Mon, 03 Feb 2020 04:05:06 GMT"}, {"If-X", "y", "Referer", "z"},
			} {
				got, want := ask(app, method, target, fields...), ask(plain, method, target, fields...)
				if got.Code != want.Code || got.Body.String() != want.Body.String() {
					t.Errorf("%s %s %s: %d with %d bytes, the middleware's are %d with %d", method, target, strings.Join(fields, " "),
						got.Code, got.Body.Len(), want.Code, want.Body.Len())
				}
				if got.Header().Get("Content-Type") == "" {
					got.Header().Del("Content-Type") // server.Handler says so that there is none
				}
				if !reflect.DeepEqual(got.Header(), want.Header()) {
					t.Errorf("%s %s %s: %v, the middleware's are %v", method, target, strings.Join(fields, " "), got.Header(), want.Header())
				}
			}
		}
	}
}
