package compat

import (
	"errors"
	"expvar"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/lannerhq/lanner/server"
)

func TestServeMuxPatterns(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		mux := http.NewServeMux()
		echo := func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s id=%s rest=%s", r.Pattern, r.PathValue("id"), r.PathValue("rest"))
		}
		for _, pattern := range []string{"GET /items/{id}", "DELETE /items/{id}", "/files/{rest...}", "/exact/{$}", "example.org/", "GET /tree/"} {
			mux.HandleFunc(pattern, echo)
		}
		mux.Handle("/stripped/", http.StripPrefix("/stripped", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.URL.Path+" "+r.URL.EscapedPath())
		})))
		s := serve(mux)
		s.get(t, "/items/a%2Fb").want(t, "a wildcard is decoded", 200, "GET /items/{id} id=a/b rest=")
		s.do(t, "DELETE", "/items/7", nil).want(t, "by method", 200, "DELETE /items/{id} id=7 rest=")
		refused := s.do(t, "POST", "/items/7", strings.NewReader("x"))
		refused.want(t, "another method", 405, "Method Not Allowed\n")
		refused.wantField(t, "what is allowed", "Allow", "DELETE, GET, HEAD")
		s.get(t, "/files/a/b%20c").want(t, "the rest of the path", 200, "/files/{rest...} id= rest=a/b c")
		s.get(t, "/exact/").want(t, "the end of the path", 200, "/exact/{$} id= rest=")
		s.get(t, "/exact/more").want(t, "more than the end", 404, "404 page not found\n")
		s.get(t, "/tree").wantField(t, "a missing slash", "Location", "/tree/")
		s.get(t, "/files/../items/1").wantField(t, "dots are cleaned by a redirect", "Location", "/items/1")
		s.get(t, "/stripped/a%2Fb").want(t, "StripPrefix", 200, "/a/b /a%2Fb")
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/anything", nil)
		req.Host = "example.org"
		s.send(t, req).want(t, "by host", 200, "example.org/ id= rest=")
	})
}

func TestTimeoutHandler(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		answered, late := make(chan struct{}), make(chan error, 1)
		s := serve(http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/fast" {
				w.Header().Set("X-Fast", "yes")
				io.WriteString(w, "in time")
				return
			}
			<-r.Context().Done()
			<-answered
			_, err := io.WriteString(w, "late")
			late <- err
		}), 50*time.Millisecond, "too slow"))
		s.get(t, "/slow").want(t, "the time is over", 503, "too slow")
		close(answered)
		if err := wait(t, late, "the handler goes on"); !errors.Is(err, http.ErrHandlerTimeout) {
			t.Errorf("a late Write: %v, want http.ErrHandlerTimeout", err)
		}
		fast := s.get(t, "/fast")
		for range 20 { // a slow machine may need more than the time
			if fast.StatusCode == 200 {
				break
			}
			fast = s.get(t, "/fast")
		}
		fast.want(t, "in time", 200, "in time")
		fast.wantField(t, "with its fields", "X-Fast", "yes")
	})
}

// atMostTen echoes up to ten bytes, and says so when there are more.
func atMostTen() http.Handler {
	return http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			http.Error(w, fmt.Sprint("at most ", tooLarge.Limit), http.StatusRequestEntityTooLarge)
			return
		}
		w.Write(body)
	}), 10)
}

func TestMaxBytesHandler(t *testing.T) {
	onHTTP1(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(atMostTen())
		s.do(t, "POST", "/", strings.NewReader("0123456789")).want(t, "as much as is allowed", 200, "0123456789")
		const little, much = 20, 4 << 20
		for _, length := range []int{little, much} {
			c := s.dial(t)
			go fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%sGET / HTTP/1.1\r\nHost: h\r\n\r\n", length, strings.Repeat("x", length))
			res := c.head(t, "POST")
			body, err := io.ReadAll(res.Body)
			if res.StatusCode != 413 || string(body) != "at most 10\n" || err != nil {
				t.Errorf("%d bytes: %d %q, %v", length, res.StatusCode, body, err)
			}
			// net/http closes the connection. Here a rest that is small is drained, and the connection goes on.
			res, err = http.ReadResponse(c.r, nil)
			switch {
			case length == little && (err != nil || res.StatusCode != 200):
				t.Errorf("the request behind a small rest: %v", err)
			case length == much && err == nil:
				t.Errorf("the request behind a large rest: %d, want the connection closed", res.StatusCode)
			}
		}
		s.get(t, "/").want(t, "the next client", 200, "")
	})
}

func TestDebugHandlers(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		mux := http.NewServeMux()
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
		mux.Handle("/debug/vars", expvar.Handler())
		s := serve(mux)
		if res := s.get(t, "/debug/pprof/cmdline"); res.StatusCode != 200 || !strings.Contains(res.body, ".test") {
			t.Errorf("cmdline: %d %q", res.StatusCode, res.body)
		}
		for _, path := range []string{"/debug/pprof/profile?seconds=1", "/debug/pprof/heap", "/debug/pprof/goroutine?seconds=1"} {
			if res := s.get(t, path); res.StatusCode != 200 || !strings.HasPrefix(res.body, "\x1f\x8b") {
				t.Errorf("%s: %d, %d bytes, want a gzipped profile", path, res.StatusCode, len(res.body))
			}
		}
		if res := s.get(t, "/debug/pprof/trace?seconds=0.1"); res.StatusCode != 200 || !strings.HasPrefix(res.body, "go 1.") {
			t.Errorf("trace: %d %.20q", res.StatusCode, res.body)
		}
		if res := s.get(t, "/debug/pprof/"); res.StatusCode != 200 || !strings.Contains(res.body, "goroutine?debug=1") {
			t.Errorf("index: %d %.100q", res.StatusCode, res.body)
		}
		if res := s.get(t, "/debug/vars"); res.StatusCode != 200 || !strings.Contains(res.body, `"memstats": {`) {
			t.Errorf("vars: %d %.100q", res.StatusCode, res.body)
		}
	})
}

// TestMiddlewareInFrontOfALannerApplication puts a router before an application that is not a handler.
func TestMiddlewareInFrontOfALannerApplication(t *testing.T) {
	app := server.ContextHandler(func(c *server.Context) error {
		if c.Path() == "/api/panic" {
			panic("on purpose")
		}
		body, err := io.ReadAll(c.Body())
		if err != nil {
			return err
		}
		c.SetHeader("Content-Type", "text/plain")
		c.SetStatus(201)
		_, err = fmt.Fprintf(c, "%s %s %s %s", c.Method(), c.Path(), c.RequestHeader("X-Request-Id"), body)
		return err
	})
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		r := chi.NewRouter()
		r.Use(middleware.RequestID, quietRecoverer, middleware.Compress(5))
		r.Handle("/api/*", server.Handler(app))
		s := serve(r)
		s.do(t, "POST", "/api/x", strings.NewReader("body"), "X-Request-Id", "1").want(t, "the application answers", 201, "POST /api/x 1 body")
		s.get(t, "/api/panic").want(t, "Recoverer sees its panic", 500, "")
		packed := s.get(t, "/api/y", "X-Request-Id", "2", "Accept-Encoding", "gzip")
		packed.wantField(t, "Compress", "Content-Encoding", "gzip")
		if got := gunzip(t, packed.body); got != "GET /api/y 2 " {
			t.Errorf("unpacked: %q", got)
		}
	})
}
