// Package fasthttp is a custom server for Lanner applications: fasthttp does the protocol, server.go does the contract of
// package server with the two features that it demands, request and response. plumbing.go makes fasthttp stream.
package fasthttp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/server"
	"github.com/valyala/fasthttp"
)

// Server is a server.Server. Make one with New.
type Server struct {
	features  server.Features
	addresses *server.Addresses
	fast      fasthttp.Server
	app       server.Application
	running   atomic.Int64   // requests inside the application
	conns     sync.Map       // of *conn: what Stop closes when its time is over
	serving   sync.WaitGroup // the accept loop

	mu       sync.Mutex
	listener net.Listener  // nil until started
	stopped  chan struct{} // nil until Stop, closed when the last connection has ended
}

// New returns a server that listens on http://localhost:5000 unless its ServerAddressesFeature is told otherwise.
func New() *Server {
	s := &Server{addresses: server.NewAddresses("http://localhost:5000")}
	server.Set[server.ServerAddressesFeature](&s.features, s.addresses)
	s.fast = fasthttp.Server{Handler: s.serve, NoDefaultServerHeader: true, NoDefaultContentType: true,
		// fasthttp reads one byte of a body, the application the rest.
		StreamRequestBody: true, MaxRequestBodySize: 1, DisablePreParseMultipartForm: true,
		MaxIdleWorkerDuration: 100 * time.Millisecond} // also how long a goroutine of fasthttp outlives Stop
	return s
}

func (s *Server) Features() *server.Features { return &s.features }

func (s *Server) Start(ctx context.Context, app server.Application) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	urls := s.addresses.Addresses()
	switch {
	case s.stopped != nil:
		return server.ErrStopped
	case s.listener != nil:
		return server.ErrStarted
	case len(urls) != 1 || !strings.HasPrefix(urls[0], "http://"):
		return fmt.Errorf("cannot listen on %q: this server takes one address of the form http://host:port", urls)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", strings.TrimPrefix(urls[0], "http://"))
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", urls[0], err)
	}
	s.app, s.listener = app, listener{l, &s.conns}
	s.addresses.Bind("http://" + l.Addr().String())
	s.serving.Go(func() { s.fast.Serve(s.listener) }) // ends when Stop closes the listener
	return nil
}

func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	if s.stopped == nil {
		s.stopped = make(chan struct{})
		go s.drain()
	}
	s.mu.Unlock()
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
	}
	aborted := s.running.Load()
	s.conns.Range(func(c, _ any) bool { c.(*conn).Close(); return true })
	if aborted == 0 {
		return nil
	}
	return fmt.Errorf("%d requests were aborted: %w", aborted, ctx.Err())
}

// drain stops accepting and waits until the last connection has ended.
func (s *Server) drain() {
	defer close(s.stopped)
	if s.listener != nil {
		s.listener.Close()
		s.serving.Wait()
		s.fast.Shutdown()
	}
}

// serve carries one request. fasthttp sends a response after its handler has returned, so the application runs beside it:
// the handler returns when the response begins, and what is written from then on goes through a pipe.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	s.running.Add(1)
	x := newExchange(ctx)
	go s.run(x) // its owner is x.stream: fasthttp closes it, and that waits
	<-x.ready
	if x.silent {
		<-x.stream.done
		ctx.HijackSetNoResponse(true) // fasthttp's way to close without an answer
		ctx.Hijack(func(net.Conn) {})
		return
	}
	ctx.Response.ImmediateHeaderFlush = true
	ctx.SetBodyStream(x.stream, x.size)
}

// run calls the application.
func (s *Server) run(x *exchange) {
	defer s.running.Add(-1)
	defer close(x.stream.done)
	defer x.Complete()
	var f server.Features
	f.Init(newRequest(x), x, nil, &s.features)
	err := server.Call(s.app, &f)
	if err != nil && err != http.ErrAbortHandler {
		slog.Error("The application failed.", "error", err)
	}
	switch {
	case err == nil:
		x.start()
	case x.begun: // finish breaks the connection
	case x.Started() || err == http.ErrAbortHandler:
		x.silent = true
	default:
		x.ctx.SetStatusCode(server.ErrorStatus(err))
	}
	x.finish(err)
}

// request is the server.RequestFeature. It holds copies: fasthttp recycles its strings.
type request struct {
	method, path, query, target, host, protocol string
	header                                      server.Headers
	length                                      int
	body                                        io.Reader
}

func newRequest(x *exchange) *request {
	h := &x.ctx.Request.Header
	q := &request{method: string(h.Method()), target: string(h.RequestURI()), host: string(h.Host()),
		protocol: string(h.Protocol()), length: h.ContentLength(), body: &x.body}
	q.path, q.query = server.SplitTarget(q.target)
	for name, value := range h.AllInOrder() {
		q.header.Add(string(name), string(value))
	}
	if q.length < -1 { // fasthttp's word for a GET without a body
		q.length = 0
	}
	return q
}

func (q *request) Protocol() string        { return q.protocol }
func (q *request) Scheme() string          { return "http" }
func (q *request) Method() string          { return q.method }
func (q *request) Host() string            { return q.host }
func (q *request) PathBase() string        { return "" }
func (q *request) Path() string            { return q.path }
func (q *request) RawQuery() string        { return q.query }
func (q *request) RawTarget() string       { return q.target }
func (q *request) Header() *server.Headers { return &q.header }
func (q *request) ContentLength() int64    { return int64(q.length) }
func (q *request) Body() io.Reader         { return q.body }
