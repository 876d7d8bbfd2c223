package compat

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// proxyTo is a reverse proxy in front of another site, on the same kind of server.
func proxyTo(t *testing.T, serve func(http.Handler) *site, upstream *site) *site {
	t.Helper()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	return serve(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport: upstream.transport(t), FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	})
}

func TestReverseProxyPassesOnRequestsAndTrailers(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		upstream := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Count")
			w.Header().Set("X-From", r.Header.Get("X-Forwarded-For"))
			w.WriteHeader(http.StatusCreated)
			n, err := io.Copy(w, r.Body)
			if err != nil {
				t.Errorf("upstream: %v", err)
			}
			w.Header().Set("X-Count", fmt.Sprint(n, " ", r.Trailer.Get("X-Sent")))
		}))
		proxy := proxyTo(t, serve, upstream)
		content := string(pattern(1 << 20))
		// ReverseProxy does not pass on the client's trailers, on net/http neither; without it they arrive.
		for s, want := range map[*site][2]string{upstream: {"", "1048576 yes"}, proxy: {"127.0.0.1", "1048576"}} {
			req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/a?b=c", io.MultiReader(strings.NewReader(content)))
			req.Trailer = http.Header{"X-Sent": {"yes"}}
			res := s.send(t, req)
			res.want(t, "the body goes there and back", 201, content)
			res.wantField(t, "the proxy says for whom", "X-From", want[0])
			if got := res.Trailer.Get("X-Count"); got != want[1] {
				t.Errorf("trailer X-Count is %q, want %q: what the server counted, and the client's own trailer", got, want[1])
			}
		}
	})
}

func TestReverseProxyStreamsBothWays(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		upstream := serve(http.HandlerFunc(echoLines(t)))
		talkLines(t, proxyTo(t, serve, upstream))
	})
}

func TestReverseProxyPassesOnWebSockets(t *testing.T) {
	onHTTP1(t, func(t *testing.T, serve func(http.Handler) *site) {
		closed := make(chan int, 1)
		for name, handler := range echoServers(t, closed) {
			s := proxyTo(t, serve, serve(handler))
			t.Run(name+" serves coder", func(t *testing.T) { talkCoder(t, s.Addr); wantClosed(t, closed) })
			t.Run(name+" serves gorilla", func(t *testing.T) { talkGorilla(t, s.Addr); wantClosed(t, closed) })
		}
	})
}

func TestReverseProxyTellsTheUpstreamThatTheClientLeft(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		gone := make(chan struct{}, 1)
		upstream := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "begun\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			gone <- struct{}{}
		}))
		s := proxyTo(t, serve, upstream)
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
		res, err := s.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if line, err := bufio.NewReader(res.Body).ReadString('\n'); line != "begun\n" {
			t.Fatalf("read %q, %v", line, err)
		}
		leave()
		wait(t, gone, "the upstream's context ends")
	})
}

func TestReverseProxyAnswersForAnUpstreamThatIsNotThere(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(&httputil.ReverseProxy{
			Rewrite:  func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "127.0.0.1:1" },
			ErrorLog: log.New(io.Discard, "", 0),
		})
		s.get(t, "/").want(t, "nobody listens there", 502, "")
	})
}
