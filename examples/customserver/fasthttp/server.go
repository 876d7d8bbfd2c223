// Package fasthttp is a custom server for Lanner applications: fasthttp does the protocol, this does the contract of
// package server with the two features that it demands, request and response.
package fasthttp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
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
	listeners server.Listeners
	conns     sync.Map    // the open connections: net.Conn to fasthttp.ConnState
	stopping  atomic.Bool // Stop was called
}

// New returns a server that listens on http://localhost:5000 unless its ServerAddressesFeature is told otherwise.
func New() *Server {
	s := &Server{addresses: server.NewAddresses("http://localhost:5000")}
	server.Set[server.ServerAddressesFeature](&s.features, s.addresses)
	return s
}

// Features is the collection that the features of every request fall back to.
func (s *Server) Features() *server.Features { return &s.features }

// Start listens and serves.
func (s *Server) Start(ctx context.Context, app server.Application) error {
	fast := &fasthttp.Server{
		Handler:   func(ctx *fasthttp.RequestCtx) { s.serve(ctx, app) },
		ConnState: func(c net.Conn, state fasthttp.ConnState) { s.conns.Store(c, state) },
		// fasthttp reads one byte of a body, the application the rest.
		StreamRequestBody: true, MaxRequestBodySize: 1, DisablePreParseMultipartForm: true,
		ReduceMemoryUsage:     true, // also makes fasthttp send each response at once: Flush writes past its buffer
		NoDefaultServerHeader: true, NoDefaultContentType: true,
	}
	return s.listeners.Start(ctx, s.addresses, func(l net.Listener) { s.accept(l, fast) })
}

// accept gives connections to fasthttp until Stop closes the listener.
func (s *Server) accept(l net.Listener, fast *fasthttp.Server) {
	for c, err := l.Accept(); err == nil; c, err = l.Accept() {
		s.conns.Store(conn{c}, fasthttp.StateNew)
		go func() { // ends with the connection, for which Stop waits
			defer s.conns.Delete(conn{c})
			fast.ServeConn(conn{c})
		}()
	}
}

// Stop closes idle connections and waits for running requests until ctx ends, then closes all. It polls, as net/http's.
func (s *Server) Stop(ctx context.Context) error {
	s.stopping.Store(true)
	s.listeners.Stop()
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
		switch {
		case open == 0:
			return nil
		case running > 0 && abort != nil:
			return fmt.Errorf("%d requests were aborted: %w", running, abort)
		}
		time.Sleep(time.Millisecond)
	}
}

// conn never ends well: fasthttp would take a body that breaks off between two chunks for a whole one.
type conn struct{ net.Conn }

func (c conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// serve carries one request. The application gets copies of what fasthttp recycles.
func (s *Server) serve(ctx *fasthttp.RequestCtx, app server.Application) {
	h, fields := &ctx.Request.Header, new(server.Headers)
	for name, value := range h.AllInOrder() {
		fields.Add(string(name), string(value))
	}
	size, body := h.ContentLength(), &body{Reader: ctx.RequestBodyStream()}
	if body.Reader == nil || size == 0 {
		size, body.err = 0, io.EOF
	}
	req := server.NewRequest(string(h.Method()), string(h.RequestURI()), string(h.Protocol()), fields, int64(size), body)
	res := &response{ctx: ctx}
	defer res.Complete()
	var f server.Features
	f.Init(req, res, nil, &s.features)
	err := server.Call(app, &f)
	if err != nil && err != http.ErrAbortHandler {
		slog.Error("The application failed.", "path", req.Path(), "error", err)
	}
	switch {
	case err == nil && res.out == nil:
		res.start() // and fasthttp sends it
		ctx.Response.SetBodyRaw(res.held)
	case err != nil && err != http.ErrAbortHandler && !res.Started():
		ctx.SetStatusCode(server.ErrorStatus(err))
	default:
		if err == nil && res.Flush() == nil {
			io.WriteString(ctx.Conn(), res.last)
		}
		ctx.Conn().Close() // without its end, the client sees that a part of the response is missing
	}
	if body.err != io.EOF || s.stopping.Load() {
		ctx.SetConnectionClose() // or fasthttp would take the rest of the body for the next request
	}
}

// body is a request's body. Its end and its errors are final, with fasthttp's they are not.
type body struct {
	io.Reader
	err error
}

func (b *body) Read(p []byte) (n int, err error) {
	if b.err == nil {
		n, b.err = b.Reader.Read(p)
	}
	return n, b.err
}

// response is the server.ResponseFeature. fasthttp sends it when the application has returned, unless that calls Flush
// or writes more than 1 MiB: then it is sent from here, and the connection ends with it.
type response struct {
	server.ResponseState
	ctx  *fasthttp.RequestCtx
	held []byte    // written, not sent
	out  io.Writer // the connection in the framing of the body, nil while all is held
	last string    // what ends that framing
}

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
	if r.held = append(r.held, p...); len(r.held) <= 1<<20 {
		return len(p), nil
	}
	return len(p), r.Flush()
}

// Flush sends what was written.
func (r *response) Flush() error {
	r.start()
	if r.out == nil {
		r.out = r.ctx.Conn()
		switch {
		case r.ctx.IsHead() || r.Status() == http.StatusNoContent || r.Status() == http.StatusNotModified:
			r.out = io.Discard
		case r.Header().Get("Content-Length") == "" && r.ctx.Request.Header.IsHTTP11():
			r.ctx.Response.Header.SetContentLength(-1)
			r.out, r.last = httputil.NewChunkedWriter(r.out), "0\r\n\r\n"
		}
		r.ctx.SetConnectionClose()
		r.ctx.Conn().Write(r.ctx.Response.Header.Header())
	}
	_, err := r.out.Write(r.held)
	r.held = r.held[:0]
	return err
}
