package staticfiles

import (
	"fmt"
	"net/http"
	"testing"
)

// plainWriter is a ResponseWriter that costs nothing by itself. Its header map is emptied, not made anew.
type plainWriter struct {
	header http.Header
	status int
	n      int
}

func (w *plainWriter) Header() http.Header         { return w.header }
func (w *plainWriter) WriteHeader(status int)      { w.status = status }
func (w *plainWriter) Write(p []byte) (int, error) { w.n += len(p); return len(p), nil }
func (w *plainWriter) reset()                      { clear(w.header) }

func get(t testing.TB, path string, fields ...string) *http.Request {
	r, err := http.NewRequest("GET", path, nil)
	must(t, err)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

func TestAHitDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	files := serve(t, Options{Root: compressed(t), Prefix: "/p", NoSniff: true, CacheControl: []CacheRule{{"*", "no-cache"}}})
	tag := ask(files, "GET", "/p/app.js").Header().Get("Etag")
	for _, r := range []*http.Request{
		get(t, "/p/app.js"), get(t, "/p/app.js", "Accept-Encoding", "gzip, deflate, br;q=0.5"), get(t, "/p/only.txt"),
		get(t, "/p/app.js", "If-None-Match", `"x", `+tag),
	} {
		w := &plainWriter{header: http.Header{}}
		files.ServeHTTP(w, r)
		if n := testing.AllocsPerRun(100, func() { w.reset(); files.ServeHTTP(w, r) }); n != 0 {
			t.Errorf("%s %v: %v allocations, want none", r.URL.Path, r.Header, n)
		}
	}
}

// BenchmarkSmallFile serves 50 files of 4 KB in turn.
func BenchmarkSmallFile(b *testing.B) {
	contents := map[string]string{}
	var requests []*http.Request
	for i := range 50 {
		name := fmt.Sprintf("dir/f%d.html", i)
		contents[name] = letters(4096)
		requests = append(requests, get(b, "/"+name, "Accept-Encoding", "gzip"))
	}
	root := tree(b, contents)
	for name, h := range map[string]http.Handler{
		"staticfiles": serve(b, Options{Root: root}), "http.FileServer": http.FileServer(http.Dir(root)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w := &plainWriter{header: http.Header{}}
				for i := 0; pb.Next(); i++ {
					w.reset()
					h.ServeHTTP(w, requests[i%len(requests)])
				}
			})
		})
	}
}
