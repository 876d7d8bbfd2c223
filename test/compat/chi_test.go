package compat

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

func TestChiRoutes(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		r := chi.NewRouter()
		r.Get("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
		r.Route("/users/{id:[0-9]+}", func(r chi.Router) {
			r.Get("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "user "+chi.URLParam(r, "id")) })
			r.Put("/files/*", func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Errorf("reading the body: %v", err)
				}
				w.WriteHeader(http.StatusCreated)
				io.WriteString(w, chi.URLParam(r, "id")+" "+chi.URLParam(r, "*")+" "+string(body))
			})
		})
		sub := chi.NewRouter()
		sub.Get("/{name}", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, chi.URLParam(r, "name")+" by "+chi.RouteContext(r.Context()).RoutePattern())
		})
		r.Mount("/sub", sub)
		s := serve(r)
		s.get(t, "/hello").want(t, "a plain route", 200, "hello")
		s.get(t, "/users/42/").want(t, "a URL parameter", 200, "user 42")
		s.get(t, "/users/x/").want(t, "the parameter's pattern does not match", 404, "404 page not found\n")
		s.do(t, "PUT", "/users/7/files/a/b.txt", strings.NewReader("content")).want(t, "a wildcard and a body", 201, "7 a/b.txt content")
		s.get(t, "/sub/thing").want(t, "a mounted router", 200, "thing by /sub/{name}")
		refused := s.do(t, "POST", "/hello", strings.NewReader("x"))
		refused.want(t, "the path has only GET", 405, "")
		refused.wantField(t, "what is allowed", "Allow", "GET")
		s.get(t, "/nowhere").want(t, "no route", 404, "404 page not found\n")
	})
}

func TestChiMiddleware(t *testing.T) {
	long := strings.Repeat("compress me ", 1000)
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		timedOut := make(chan error, 1)
		r := chi.NewRouter()
		//lint:ignore SA1019 programs use it
		r.Use(middleware.RequestID, middleware.RealIP, middleware.ClientIPFromXFF("127.0.0.0/8"), quietRecoverer, middleware.Compress(5), middleware.GetHead,
			middleware.CleanPath, middleware.StripSlashes)
		r.Get("/id", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, middleware.GetReqID(r.Context())) })
		r.Get("/ip", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.RemoteAddr+" "+middleware.GetClientIP(r.Context()))
		})
		r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
		r.Get("/long", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, long)
		})
		r.With(middleware.Timeout(time.Millisecond)).Get("/slow", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			timedOut <- r.Context().Err()
		})
		r.With(middleware.BasicAuth("realm", map[string]string{"user": "secret"})).Get("/private", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "in") })
		r.With(middleware.Throttle(1)).Get("/throttled", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
		r.With(middleware.RequestSize(4)).Post("/small", func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			}
		})
		s := serve(r)
		s.get(t, "/id", "X-Request-Id", "abc").want(t, "RequestID passes on what the client gave", 200, "abc")
		if id := s.get(t, "/id").body; !strings.Contains(id, "-") {
			t.Errorf("RequestID made %q, want host and number", id)
		}
		s.get(t, "/ip", "X-Forwarded-For", "203.0.113.9").want(t, "RealIP replaces RemoteAddr, ClientIPFromXFF finds the client", 200, "203.0.113.9 203.0.113.9")
		if direct := s.get(t, "/ip").body; !strings.HasPrefix(direct, "127.0.0.1:") {
			t.Errorf("without a field RemoteAddr is %q, want the client's address and port", direct)
		}
		s.get(t, "/panic").want(t, "Recoverer answers a panic", 500, "")
		s.get(t, "/id", "X-Request-Id", "again").want(t, "the server goes on after a panic", 200, "again")
		s.get(t, "/slow").want(t, "Timeout ends the context and answers", 504, "")
		if err := <-timedOut; err == nil || err.Error() != "context deadline exceeded" {
			t.Errorf("the context of a request that timed out: %v", err)
		}
		plain := s.get(t, "/long")
		plain.want(t, "nobody asked for compression", 200, long)
		packed := s.get(t, "/long", "Accept-Encoding", "gzip")
		packed.wantField(t, "Compress", "Content-Encoding", "gzip")
		if packed.ContentLength >= int64(len(long)) || gunzip(t, packed.body) != long {
			t.Errorf("a compressed response has length %d and not the content", packed.ContentLength)
		}
		s.do(t, "HEAD", "/long", nil).want(t, "GetHead", 200, "")
		s.get(t, "//id/", "X-Request-Id", "clean").want(t, "CleanPath and StripSlashes", 200, "clean")
		s.get(t, "/private").want(t, "no credentials", 401, "")
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/private", nil)
		req.SetBasicAuth("user", "secret")
		s.send(t, req).want(t, "right credentials", 200, "in")
		s.get(t, "/throttled").want(t, "Throttle lets one in", 200, "ok")
		s.do(t, "POST", "/small", strings.NewReader("12345")).want(t, "RequestSize", 413, "http: request body too large\n")
	})
}

// quietRecoverer is chi's Recoverer without the stack on standard error.
func quietRecoverer(next http.Handler) http.Handler {
	return middleware.RequestLogger(noLog{})(middleware.Recoverer(next))
}

type noLog struct{}

func (noLog) NewLogEntry(*http.Request) middleware.LogEntry   { return noLog{} }
func (noLog) Write(int, int, http.Header, time.Duration, any) {}
func (noLog) Panic(any, []byte)                               {}

func gunzip(t *testing.T, packed string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Errorf("the body is not gzip: %v", err)
		return ""
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("the gzip body is broken: %v", err)
	}
	return string(all)
}
