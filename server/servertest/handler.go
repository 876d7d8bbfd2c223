package servertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// startHTTP starts a new server with an ordinary handler.
func (s suite) startHTTP(t *testing.T, h http.HandlerFunc) *running {
	t.Helper()
	return s.startServer(t, s.newServer(), server.HTTP(h))
}

var handlerChecks = []check{
	{"AnOrdinaryHandlerRuns", func(t *testing.T, s suite) {
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("reading the body: %v", err)
			}
			w.Header().Set("X-Seen", r.Method+" "+r.URL.Path+" "+r.URL.RawQuery+" "+r.Host+" "+r.Header.Get("X-Sent"))
			w.WriteHeader(202)
			w.Write(body)
		})
		c := r.dial()
		for range 2 {
			c.send("POST /a%20b?q HTTP/1.1", "Host: example.org", "x-sent: yes", "Content-Length: 5", "")
			c.write("hello")
			a := c.wantBody("the handler's answer", 202, "hello")
			if got, want := a.Header.Get("X-Seen"), "POST /a b q example.org yes"; got != want {
				t.Errorf("the handler saw %q, want %q", got, want)
			}
		}
	}},
	{"FeaturesAreReachedFromAHandler", func(t *testing.T, s suite) {
		srv := s.newServer()
		server.Set(srv.Features(), marker{"server"})
		contexts := make(chan context.Context, 1)
		r := s.startServer(t, srv, server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if m, ok := server.From[marker](r.Context()); !ok || m.text != "server" {
				t.Errorf("From finds the marker %v, %v, want the one set in the server's features", m, ok)
			}
			derived, cancel := context.WithCancel(r.Context())
			defer cancel()
			if q, ok := server.From[server.RequestFeature](derived); !ok || q.RawTarget() != "/from" {
				t.Error("From does not find the request through a derived context")
			}
			if _, ok := server.From[marker](context.Background()); ok {
				t.Error("From finds a feature in a context that belongs to no request")
			}
			contexts <- r.Context()
		})))
		r.get("an answer", "/from", 200)
		ctx := receive(t, contexts, "the handler is called")
		receive(t, ctx.Done(), "the context of a request ends when its handler has returned")
		if !errors.Is(context.Cause(ctx), server.ErrRequestDone) && !errors.Is(context.Cause(ctx), server.ErrClientDisconnected) {
			t.Errorf("the context ended with the cause %v, want server.ErrRequestDone", context.Cause(ctx))
		}
		if err := r.stop(patience); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if _, ok := server.From[marker](ctx); ok {
			t.Error("From finds a feature after the handler has returned: it may belong to another request by then")
		}
	}},
	{"WhatAHandlerKeepsIsNotRecycled", func(t *testing.T, s suite) {
		kept := make(chan *http.Request, 8)
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) { kept <- r })
		c := r.dial()
		paths := []string{"/first?aaaa", "/other?bbbb", "/third?cccc"}
		for _, path := range paths {
			c.send("GET "+path+" HTTP/1.1", "Host: host"+path[1:6], "X-Sent: "+path, "")
			c.want("an answer", http.MethodGet, 200)
		}
		for _, path := range paths {
			q := receive(t, kept, "the handler is called")
			if q.RequestURI != path || q.URL.RequestURI() != path || q.Header.Get("X-Sent") != path || q.Host != "host"+path[1:6] {
				t.Errorf("a request kept after its handler is now %s %s %v, want it as it was: %s", q.Host, q.RequestURI, q.Header, path)
			}
		}
	}},
	{"AHandlerThatPanicsIsAnswered", func(t *testing.T, s suite) {
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/panic" {
				w.Header().Set("X-Application", "yes")
				panic("servertest: a panic on purpose")
			}
		})
		r.get("500 for a panic before the response started", "/panic", 500)
		r.get("the server goes on to serve", "/", 200)
	}},
	{"AHandlerFlushesWithAController", func(t *testing.T, s suite) {
		g := newGate()
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "<html>")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("Flush: %v", err)
			}
			<-g.opened
			io.WriteString(w, "</html>")
		})
		defer g.open()
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "")
		res := c.head("the response, flushed", http.MethodGet, 200)
		if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("Content-Type %q, want the one sniffed from the body", got)
		}
		c.wantNext("the first part", res.Body, "<html>")
		g.open()
		c.wantNext("the rest", res.Body, "</html>")
	}},
	{"AReverseProxyRunsAsAHandler", func(t *testing.T, s suite) {
		behind := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["X-Many"] = []string{"first", "second"}
			io.Copy(w, r.Body)
		})
		transport := &http.Transport{DisableKeepAlives: true}
		defer transport.CloseIdleConnections()
		proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", behind.addr
		}}
		r := s.startHTTP(t, proxy.ServeHTTP)
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "", "5", "hello", "0", "")
		a := c.wantBody("the answer through the proxy", 200, "hello")
		if got := a.Header.Values("X-Many"); !slices.Equal(got, []string{"first", "second"}) {
			t.Errorf("X-Many %q, want both lines", got)
		}
	}},
}
