package hsts

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// plainWriter is a ResponseWriter that costs nothing by itself.
type plainWriter struct{ header http.Header }

func (w *plainWriter) Header() http.Header         { return w.header }
func (w *plainWriter) WriteHeader(int)             {}
func (w *plainWriter) Write(p []byte) (int, error) { return len(p), nil }

// plainResponse is a ResponseFeature that keeps its memory, as a server's does.
type plainResponse struct {
	server.ResponseFeature
	header   server.Headers
	starting []func()
}

func (r *plainResponse) Header() *server.Headers { return &r.header }
func (r *plainResponse) OnStarting(fn func())    { r.starting = append(r.starting, fn) }

func (r *plainResponse) start() {
	for _, fn := range r.starting {
		fn()
	}
	r.starting = r.starting[:0]
}

// secureRequest is a RequestFeature by https.
type secureRequest struct{ server.RequestFeature }

func (secureRequest) Scheme() string { return "https" }

func TestTheMiddlewareDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	m, err := New(Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	h := m(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := &plainWriter{http.Header{}}
	for _, url := range []string{"https://example.com/", "http://example.com/", "https://localhost:5001/"} {
		r := httptest.NewRequest("GET", url, nil)
		if n := testing.AllocsPerRun(100, func() { clear(w.header); h.ServeHTTP(w, r) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", url, n)
		}
	}
}

func TestTheApplicationDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	m, err := NewApplication(Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	app := m(server.ApplicationFunc(func(*server.Features) error { return nil }))
	var fields server.Headers
	fields.Add("Host", "example.com")
	features, res := server.NewFeatures(nil), new(plainResponse)
	features.Init(secureRequest{server.NewRequest("GET", "/", "HTTP/1.1", &fields, 0, nil)}, res, nil, nil)
	if n := testing.AllocsPerRun(100, func() {
		res.header.Reset()
		if err := app.Process(features); err != nil {
			t.Fatal(err)
		}
		res.start()
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if got := res.header.Get(headerName); got != "max-age=2592000" {
		t.Errorf("the header is %q", got)
	}
}
