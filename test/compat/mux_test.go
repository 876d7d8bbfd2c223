package compat

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/mux"
)

func TestGorillaMuxRoutes(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		r := mux.NewRouter()
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Route", mux.CurrentRoute(r).GetName())
				next.ServeHTTP(w, r)
			})
		})
		r.HandleFunc("/books/{title}/page/{page:[0-9]+}", func(w http.ResponseWriter, r *http.Request) {
			vars := mux.Vars(r)
			io.WriteString(w, vars["title"]+" "+vars["page"])
		}).Methods("GET").Name("page")
		api := r.PathPrefix("/api").Headers("X-Version", "2").Subrouter()
		api.HandleFunc("/things", func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("reading the body: %v", err)
			}
			w.WriteHeader(http.StatusAccepted)
			w.Write(body)
		}).Methods("POST").Name("things")
		r.HandleFunc("/search", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, mux.Vars(r)["q"]) }).Queries("q", "{q}").Name("search")
		r.HandleFunc("/host", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, mux.Vars(r)["sub"]) }).Host("{sub}.example.org").Name("host")
		r.PathPrefix("/static/").Handler(http.StripPrefix("/static/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })))
		s := serve(r)
		page := s.get(t, "/books/go%20web/page/12")
		page.want(t, "variables", 200, "go web 12")
		page.wantField(t, "middleware sees the route", "X-Route", "page")
		s.get(t, "/books/go/page/x").want(t, "the variable's pattern does not match", 404, "404 page not found\n")
		s.do(t, "POST", "/books/go/page/1", strings.NewReader("x")).want(t, "the method does not match", 405, "")
		s.do(t, "POST", "/api/things", strings.NewReader("new"), "X-Version", "2").want(t, "a subrouter by header", 202, "new")
		s.do(t, "POST", "/api/things", strings.NewReader("new")).want(t, "the header does not match", 404, "404 page not found\n")
		s.get(t, "/search?q=a%26b").want(t, "a query variable", 200, "a&b")
		s.get(t, "/static/a/b").want(t, "a prefix", 200, "a/b")
		clean := s.get(t, "/api/../search?q=1")
		if clean.StatusCode != 301 && clean.StatusCode != 200 {
			t.Errorf("a path with dots: %d, want it cleaned", clean.StatusCode)
		}
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/host", nil)
		req.Host = "shop.example.org"
		s.send(t, req).want(t, "a host variable", 200, "shop")
	})
}
