package kestrel

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// A reverse proxy reads a request's body on one goroutine, writes its response on another and asks for its context on both:
// the hardest user of a connection that ordinary Go code is.
func TestAReverseProxyIsAnOrdinaryHandler(t *testing.T) {
	backend := start(t, Options{Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}}}, server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/early": // answers before it has read, and does not read
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, "no")
		default:
			w.Header().Set("Trailer", "Sum")
			w.WriteHeader(200)
			http.NewResponseController(w).Flush()
			n, err := io.Copy(w, r.Body)
			if err != nil {
				t.Errorf("the backend reads %d bytes and then %v", n, err)
			}
			w.Header().Set("Sum", "done")
		}
	})))
	to, err := url.Parse(backend.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	upstream := &http.Transport{}
	defer upstream.CloseIdleConnections()
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = upstream
	front := start(t, Options{Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}}}, server.HTTP(proxy))

	client := newClient(t, nil)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for round := range 5 {
				body := bytes.Repeat([]byte{byte('a' + i)}, 300_000+round)
				if round == 3 {
					res, err := client.Post(front.Addresses()[0]+"/early", "text/plain", strings.NewReader("small"))
					if err != nil || res.StatusCode != http.StatusForbidden {
						t.Errorf("early answer: %v, %v", res, err)
						continue
					}
					res.Body.Close()
					continue
				}
				res, err := client.Post(front.Addresses()[0]+"/echo", "text/plain", struct{ io.Reader }{bytes.NewReader(body)})
				if err != nil {
					t.Errorf("request: %v", err)
					continue
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !bytes.Equal(got, body) || res.Trailer.Get("Sum") != "done" {
					t.Errorf("%d bytes, trailer %q, %v, want the %d that were sent and the trailer", len(got), res.Trailer.Get("Sum"), err, len(body))
				}
			}
		})
	}
	all.Wait()
}
