// Package nethttp is a custom server for Lanner applications in one file: net/http does the protocol, this does the
// contract of package server with the two features that it demands, request and response.
package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lannerhq/lanner/server"
)

// Server is a server.Server. Make one with New.
type Server struct {
	features  server.Features
	addresses *server.Addresses
	http      http.Server
	app       server.Application
	running   atomic.Int64   // requests inside the application
	serving   sync.WaitGroup // the accept loop

	mu               sync.Mutex
	started, stopped bool
}

// New returns a server that listens on http://localhost:5000 unless its ServerAddressesFeature is told otherwise.
func New() *Server {
	s := &Server{addresses: server.NewAddresses("http://localhost:5000")}
	server.Set[server.ServerAddressesFeature](&s.features, s.addresses)
	s.http.Handler = http.HandlerFunc(s.serve)
	s.http.DisableGeneralOptionsHandler = true // OPTIONS * is the application's like any request
	return s
}

// Features is the collection that the features of every request fall back to.
func (s *Server) Features() *server.Features { return &s.features }

// Start listens and serves.
func (s *Server) Start(ctx context.Context, app server.Application) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return server.ErrStopped
	case s.started:
		return server.ErrStarted
	}
	var listeners []net.Listener
	var bound []string
	for _, address := range s.addresses.Addresses() {
		l, err := listen(ctx, address)
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return fmt.Errorf("cannot listen on %s: %w", address, err)
		}
		listeners, bound = append(listeners, l), append(bound, "http://"+l.Addr().String())
	}
	s.started, s.app = true, app
	s.addresses.Bind(bound...)
	for _, l := range listeners {
		s.serving.Go(func() { s.http.Serve(l) }) // ends when Stop closes l
	}
	return nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	host, ok := strings.CutPrefix(address, "http://")
	if !ok {
		return nil, errors.New("this server takes addresses of the form http://host:port")
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", strings.TrimSuffix(host, "/"))
}

// Stop waits for running requests until ctx ends, then closes their connections.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	err, aborted := s.http.Shutdown(ctx), s.running.Load()
	s.http.Close()
	s.serving.Wait()
	if err != nil && aborted > 0 {
		return fmt.Errorf("%d requests were aborted: %w", aborted, err)
	}
	return nil
}

// serve carries one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Add(-1)
	res := &response{w: w, control: http.NewResponseController(w)}
	_ = res.control.EnableFullDuplex() // the body may be read after the response began
	var f server.Features
	f.Init(newRequest(r), res, nil, &s.features)
	defer res.Complete()
	err := server.Call(s.app, &f)
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

// request is the server.RequestFeature.
type request struct {
	r           *http.Request
	path, query string
	header      server.Headers
}

func newRequest(r *http.Request) *request {
	q := &request{r: r}
	q.path, q.query = server.SplitTarget(r.RequestURI) // net/http's own path keeps dot segments and decodes %2F
	q.header.Add("Host", r.Host)                       // net/http keeps it apart
	for name, values := range r.Header {
		for _, value := range values {
			q.header.Add(name, value)
		}
	}
	return q
}

func (q *request) Protocol() string        { return q.r.Proto }
func (q *request) Scheme() string          { return "http" }
func (q *request) Method() string          { return q.r.Method }
func (q *request) Host() string            { return q.r.Host }
func (q *request) PathBase() string        { return "" }
func (q *request) Path() string            { return q.path }
func (q *request) RawQuery() string        { return q.query }
func (q *request) RawTarget() string       { return q.r.RequestURI }
func (q *request) Header() *server.Headers { return &q.header }
func (q *request) ContentLength() int64    { return q.r.ContentLength }
func (q *request) Body() io.Reader         { return q.r.Body }

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
