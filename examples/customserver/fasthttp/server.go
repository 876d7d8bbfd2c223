// Package fasthttp is a custom server for Lanner applications: fasthttp does the protocol, this does the contract of
// package server with the two features that it demands, request and response.
package fasthttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
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
	conns     sync.Map       // the open connections: net.Conn to fasthttp.ConnState
	accepting sync.WaitGroup // the accept loop

	mu       sync.Mutex   // orders Start and Stop
	listener net.Listener // nil until started
	stopped  bool
}

// New returns a server that listens on http://localhost:5000 unless its ServerAddressesFeature is told otherwise.
func New() *Server {
	s := &Server{addresses: server.NewAddresses("http://localhost:5000")}
	server.Set[server.ServerAddressesFeature](&s.features, s.addresses)
	s.fast = fasthttp.Server{Handler: s.serve, NoDefaultServerHeader: true, NoDefaultContentType: true,
		ConnState: func(c net.Conn, state fasthttp.ConnState) { s.conns.Store(c, state) },
		// fasthttp reads one byte of a body, the application the rest.
		StreamRequestBody: true, MaxRequestBodySize: 1, DisablePreParseMultipartForm: true,
		ReduceMemoryUsage: true} // it also makes fasthttp send each response at once: Flush writes past its buffer
	return s
}

// Features is the collection that the features of every request fall back to.
func (s *Server) Features() *server.Features { return &s.features }

// Start listens and serves.
func (s *Server) Start(ctx context.Context, app server.Application) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	url := strings.Join(s.addresses.Addresses(), ", ")
	address, ok := strings.CutPrefix(url, "http://")
	switch {
	case s.stopped:
		return server.ErrStopped
	case s.listener != nil:
		return server.ErrStarted
	case !ok:
		return fmt.Errorf("cannot listen on %q: this server takes an address of the form http://host:port", url)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", url, err)
	}
	s.app, s.listener = app, l
	s.addresses.Bind("http://" + l.Addr().String())
	s.accepting.Go(s.accept)
	return nil
}

// accept gives connections to fasthttp until Stop closes the listener.
func (s *Server) accept() {
	for c, err := s.listener.Accept(); err == nil; c, err = s.listener.Accept() {
		s.conns.Store(conn{c}, fasthttp.StateNew)
		go func() { // ends with the connection, for which Stop waits
			s.fast.ServeConn(conn{c})
			s.conns.Delete(conn{c})
		}()
	}
}

// Stop closes idle connections and waits for running requests, by polling as net/http does, until ctx ends. Then it closes
// the others.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	if s.listener != nil {
		s.listener.Close()
	}
	s.mu.Unlock()
	s.accepting.Wait()
	for {
		open, running, abort := 0, 0, ctx.Err()
		s.conns.Range(func(c, state any) bool {
			open++
			if state == fasthttp.StateActive {
				running++
			}
			if state != fasthttp.StateActive || abort != nil {
				c.(net.Conn).Close()
			}
			return true
		})
		if open == 0 {
			return nil
		}
		if running > 0 && abort != nil {
			return fmt.Errorf("%d requests were aborted: %w", running, abort)
		}
		time.Sleep(time.Millisecond)
	}
}

// conn is a connection that never ends well for fasthttp, which takes a body that breaks off between chunks for a whole one.
type conn struct{ net.Conn }

func (c conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// serve answers one request.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	req, res := newRequest(ctx), &response{ctx: ctx}
	defer res.Complete()
	var f server.Features
	f.Init(req, res, nil, &s.features)
	err := server.Call(s.app, &f)
	if err != nil && err != http.ErrAbortHandler {
		slog.Error("The application failed.", "path", req.path, "error", err)
	}
	switch {
	case err == nil && res.out == nil: // fasthttp sends it
		res.start()
		ctx.Response.SetBodyRaw(res.held.Bytes())
	case err == nil:
		res.Flush()
		io.WriteString(ctx.Conn(), res.last)
		ctx.Conn().Close()
	case res.Started() || err == http.ErrAbortHandler:
		ctx.Conn().Close() // the client sees that a part is missing
	default:
		ctx.SetStatusCode(server.ErrorStatus(err))
	}
	if _, err := io.CopyN(io.Discard, req.body, 256<<10); err != io.EOF {
		ctx.SetConnectionClose() // or fasthttp takes the rest of the body for the next request
	}
}

// request is the server.RequestFeature. Strings are copies: fasthttp recycles its bytes.
type request struct {
	*fasthttp.RequestHeader
	path, query string
	header      server.Headers
	length      int
	body        io.Reader
}

func newRequest(ctx *fasthttp.RequestCtx) *request {
	q := &request{RequestHeader: &ctx.Request.Header, body: http.NoBody}
	if stream := ctx.RequestBodyStream(); stream != nil {
		q.length, q.body = q.RequestHeader.ContentLength(), io.MultiReader(stream) // which remembers the end
	}
	q.path, q.query = server.SplitTarget(q.RawTarget())
	for name, value := range q.AllInOrder() {
		q.header.Add(string(name), string(value))
	}
	return q
}

func (q *request) Protocol() string        { return string(q.RequestHeader.Protocol()) }
func (q *request) Scheme() string          { return "http" }
func (q *request) Method() string          { return string(q.RequestHeader.Method()) }
func (q *request) Host() string            { return string(q.RequestHeader.Host()) }
func (q *request) PathBase() string        { return "" }
func (q *request) Path() string            { return q.path }
func (q *request) RawQuery() string        { return q.query }
func (q *request) RawTarget() string       { return string(q.RequestURI()) }
func (q *request) Header() *server.Headers { return &q.header }
func (q *request) ContentLength() int64    { return int64(q.length) }
func (q *request) Body() io.Reader         { return q.body }

// response is the server.ResponseFeature. fasthttp sends it when the application has returned, unless that calls Flush or
// writes more than maxHeld: then it is sent from here, and the connection ends with it.
type response struct {
	server.ResponseState
	ctx  *fasthttp.RequestCtx
	held bytes.Buffer // written, not sent
	out  io.Writer    // the connection in the framing of the body, nil while all is held
	last string       // what ends that framing
}

const maxHeld = 1 << 20

// start fixes the header section.
func (r *response) start() {
	if !r.Start() {
		return
	}
	r.ctx.SetStatusCode(r.Status())
	for name, value := range r.Header().All() {
		r.ctx.Response.Header.Add(name, value)
	}
}

// Write appends to the body.
func (r *response) Write(p []byte) (int, error) {
	r.start()
	if n, _ := r.held.Write(p); r.held.Len() <= maxHeld {
		return n, nil
	}
	return len(p), r.Flush()
}

// Flush sends what was written.
func (r *response) Flush() error {
	r.start()
	if r.out == nil {
		h := &r.ctx.Response.Header
		r.out = r.ctx.Conn()
		switch {
		case r.ctx.IsHead() || r.Status() == http.StatusNoContent || r.Status() == http.StatusNotModified:
			r.out = io.Discard
		case r.Header().Get("Content-Length") == "" && r.ctx.Request.Header.IsHTTP11():
			h.SetContentLength(-1)
			r.out, r.last = httputil.NewChunkedWriter(r.out), "0\r\n\r\n"
		}
		h.SetConnectionClose()
		r.ctx.Conn().Write(h.Header())
	}
	_, err := r.held.WriteTo(r.out)
	return err
}
