package servertest

import (
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/server"
)

var messageChecks = []check{
	{"RequestTrailersAreThereAfterTheBody", func(t *testing.T, s suite) {
		skipUnless[server.RequestTrailersFeature](t, s)
		got := make(chan [2]string, 1)
		r := s.start(t, func(f *server.Features) error {
			trailers := need[server.RequestTrailersFeature](t, f)
			if n := trailers.RequestTrailers().Len(); n > 0 {
				t.Errorf("%d trailer fields before the body was read, want none", n)
			}
			if _, err := readBody(f); err != nil {
				return err
			}
			h := trailers.RequestTrailers()
			got <- [2]string{h.Get("X-Sum"), need[server.RequestFeature](t, f).Header().Get("X-Sum")}
			return nil
		})
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Trailer: X-Sum", "",
			"5", "hello", "0", "X-Sum: 42", "")
		c.want("an answer", http.MethodPost, 200)
		h := receive(t, got, "the application reads the body to its end")
		if h[0] != "42" || h[1] != "" {
			t.Errorf("trailer X-Sum is %q, header field X-Sum %q, want 42 and none: trailers are not merged (RFC 9110 §6.5.1)", h[0], h[1])
		}
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("the next answer on the connection", http.MethodGet, 200)
		if h := receive(t, got, "the application is called"); h[0] != "" {
			t.Errorf("the next request has the trailer X-Sum: %q, want none", h[0])
		}
	}},
	{"ResponseTrailersFollowTheBody", func(t *testing.T, s suite) {
		skipUnless[server.ResponseTrailersFeature](t, s)
		app := server.ApplicationFunc(func(f *server.Features) error {
			need[server.ResponseFeature](t, f).Header().Set("Trailer", "X-Sum")
			if err := hello(f); err != nil {
				return err
			}
			need[server.ResponseTrailersFeature](t, f).ResponseTrailers().Add("X-Sum", "42")
			return nil
		})
		handler := server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			w.Write([]byte("hello"))
			w.Header().Set("X-Sum", "42")
		}))
		for _, app := range []server.Application{app, handler} {
			r := s.startServer(t, s.newServer(), app)
			c := r.dial()
			for range 2 {
				c.send("GET / HTTP/1.1", "Host: a", "TE: trailers", "")
				a := c.wantBody("the body", 200, "hello")
				if got := a.Trailer.Get("X-Sum"); got != "42" {
					t.Errorf("trailer X-Sum is %q, want 42: it was announced and the length was not", got)
				}
				if a.Header.Get("X-Sum") != "" {
					t.Error("X-Sum is in the header section too")
				}
			}
		}
	}},
	{"InterimResponsesComeFirst", func(t *testing.T, s suite) {
		skipUnless[server.InterimResponseFeature](t, s)
		r := s.start(t, func(f *server.Features) error {
			res := need[server.ResponseFeature](t, f)
			res.Header().Set("X-Final", "yes")
			var hints server.Headers
			hints.Add("Link", "</style.css>; rel=preload")
			interim := need[server.InterimResponseFeature](t, f)
			first, second := interim.SendInterim(103, &hints), interim.SendInterim(102, nil)
			http10 := need[server.RequestFeature](t, f).Protocol() == "HTTP/1.0"
			if !http10 && (first != nil || second != nil) {
				t.Errorf("SendInterim: %v, %v", first, second)
			}
			if res.Started() {
				t.Error("Started() is true after an interim response: it fixes nothing")
			}
			return hello(f)
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "")
		first := c.head("the hints", http.MethodGet, 103)
		if first.Header.Get("Link") == "" || first.Header.Get("X-Final") != "" {
			t.Errorf("the 103 has header %v, want Link alone", first.Header)
		}
		c.head("the other interim response", http.MethodGet, 102)
		final := c.wantBody("the final response", 200, "hello")
		if final.Header.Get("X-Final") != "yes" || final.Header.Get("Link") != "" {
			t.Errorf("the final response has header %v, want X-Final and no Link", final.Header)
		}
		old := r.dial()
		old.send("GET / HTTP/1.0", "")
		old.wantBody("the final response first: an HTTP/1.0 client knows no interim one (RFC 9110 §15.2)", 200, "hello")
	}},
}
