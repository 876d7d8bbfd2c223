// Package nethttp is a custom server for Lanner applications in one file: net/http does the protocol, this does the
// contract of package server with the two features that it demands, request and response.
package nethttp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/lannerhq/lanner/server"
)

// Server is a server.Server. Make one with New.
type Server struct {
	features  server.Features
	addresses *server.Addresses
	listeners server.Listeners
	http      http.Server
	running   atomic.Int64 // requests inside the application
}

// New returns a server that listens on http://localhost:5000 unless its ServerAddressesFeature is told otherwise.
func New() *Server {
	s := &Server{addresses: server.NewAddresses("http://localhost:5000")}
	server.Set[server.ServerAddressesFeature](&s.features, s.addresses)
	s.http.DisableGeneralOptionsHandler = true // OPTIONS * is the application's like any request
	return s
}

// Features is the collection that the features of every request fall back to.
func (s *Server) Features() *server.Features { return &s.features }

// Start listens and serves.
func (s *Server) Start(ctx context.Context, app server.Application) error {
	var once sync.Once
	return s.listeners.Start(ctx, s.addresses, func(l net.Listener) {
		once.Do(func() {
			s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, app) })
		})
		s.http.Serve(l)
	})
}

// Stop waits for running requests until ctx ends, then closes their connections.
func (s *Server) Stop(ctx context.Context) error {
	s.listeners.Stop()
	err, aborted := s.http.Shutdown(ctx), s.running.Load()
	s.http.Close()
	if err != nil && aborted > 0 {
		return fmt.Errorf("%d requests were aborted: %w", aborted, err)
	}
	return nil
}

// serve carries one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, app server.Application) {
	s.running.Add(1)
	defer s.running.Add(-1)
	res := &response{w: w, control: http.NewResponseController(w)}
	_ = res.control.EnableFullDuplex() // the body may be read after the response began
	var f server.Features
	f.Init(newRequest(r), res, nil, &s.features)
	defer res.Complete()
	err := server.Call(app, &f)
	if err != nil && err != http.ErrAbortHandler {
		slog.Error("The application failed.", "path", r.URL.Path, "error", err)
	}
	switch {
	case err == nil:
		res.start()
	case res.Started() || err == http.ErrAbortHandler:
		panic(http.ErrAbortHandler) // net/http breaks the connection: the client sees that a part is missing
	default:
		w.WriteHeader(server.ErrorStatus(err))
	}
}

// newRequest returns the server.RequestFeature.
func newRequest(r *http.Request) server.RequestFeature {
	fields := new(server.Headers)
	fields.Add("Host", r.Host) // net/http keeps it apart
	for name, values := range r.Header {
		for _, value := range values {
			fields.Add(name, value)
		}
	}
	return server.NewRequest(r.Method, r.RequestURI, r.Proto, fields, r.ContentLength, r.Body)
}

// response is the server.ResponseFeature.
type response struct {
	server.ResponseState
	w       http.ResponseWriter
	control *http.ResponseController
}

// start gives the header section to net/http when the body begins.
func (s *response) start() {
	if !s.Start() {
		return
	}
	s.w.Header()["Content-Type"] = nil // net/http must not guess one
	for name, value := range s.Header().All() {
		s.w.Header().Add(name, value)
	}
	s.w.WriteHeader(s.Status())
}

// Write appends to the body.
func (s *response) Write(p []byte) (int, error) {
	s.start()
	return s.w.Write(p)
}

// Flush sends what was written.
func (s *response) Flush() error {
	s.start()
	return s.control.Flush()
}
