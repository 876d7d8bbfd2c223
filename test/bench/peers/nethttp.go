package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
)

func serveNetHTTP(o options) error {
	s := &http.Server{Addr: o.addr, Handler: netHTTPHandler(o.files)}
	if o.cert != "" {
		return s.ListenAndServeTLS(o.cert, o.key)
	}
	if o.h2c {
		s.Protocols = new(http.Protocols)
		s.Protocols.SetUnencryptedHTTP2(true)
	}
	return s.ListenAndServe()
}

func netHTTPHandler(files string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(hello)
	})
	mux.HandleFunc("GET /json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(helloJSON)
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(body)
	})
	mux.HandleFunc("GET /bytes", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil || n < 0 || n > len(block) {
			http.Error(w, fmt.Sprintf("n must be 0 to %d", len(block)), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(block[:n])
	})
	if files != "" {
		mux.Handle("GET "+filesPath, http.StripPrefix(filesPath, http.FileServer(http.Dir(files))))
	}
	return mux
}

func serveReverseProxy(o options) error {
	upstream, err := url.Parse(o.upstream)
	if err != nil || upstream.Host == "" {
		return fmt.Errorf("-upstream %q is not the URL of a server", o.upstream)
	}
	return (&http.Server{Addr: o.addr, Handler: reverseProxy(upstream)}).ListenAndServe()
}

// reverseProxy keeps as many connections as the load has: with the transport's default of two, most requests would open one.
func reverseProxy(upstream *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.SetXForwarded()
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
	}
}
