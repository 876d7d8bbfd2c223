package fasthttp

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/lannerhq/lanner/server"
	"github.com/valyala/fasthttp"
)

// exchange is one request with its response: the server.ResponseFeature. It belongs to the goroutine that runs the
// application; fasthttp's has it before that begins, and ctx.Response again when ready is closed.
type exchange struct {
	server.ResponseState
	ctx    *fasthttp.RequestCtx
	body   body
	size   int          // of the response's body as announced, -1 if it is not
	wrote  int          // bytes of it
	held   bytes.Buffer // of them, those not yet given to fasthttp
	stream stream       // what fasthttp reads
	pipe   *io.PipeWriter
	out    io.Writer     // the pipe, or nowhere when the response has no body
	begun  bool          // ready is closed
	silent bool          // close the connection instead of answering
	ready  chan struct{} // closed when the header section can be sent
}

func newExchange(ctx *fasthttp.RequestCtx) *exchange {
	x := &exchange{ctx: ctx, size: -1, ready: make(chan struct{})}
	x.stream.PipeReader, x.pipe = io.Pipe()
	x.stream.done = make(chan struct{})
	x.out = x.pipe
	x.body = body{ctx.RequestBodyStream(), ctx.Request.Header.ContentLength() == 0 || ctx.RequestBodyStream() == nil}
	return x
}

// start fixes the header section.
func (x *exchange) start() {
	if !x.Start() {
		return
	}
	x.ctx.SetStatusCode(x.Status())
	for name, value := range x.Header().All() {
		x.ctx.Response.Header.Add(name, value)
	}
	if n, err := strconv.Atoi(x.Header().Get("Content-Length")); err == nil {
		x.size = n
	}
	if x.ctx.IsHead() || x.Status() == http.StatusNoContent || x.Status() == http.StatusNotModified {
		x.out = io.Discard
	}
}

// Write appends to the body.
func (x *exchange) Write(p []byte) (int, error) {
	x.start()
	if x.wrote += len(p); x.size >= 0 && x.wrote > x.size {
		return 0, http.ErrContentLength
	}
	x.held.Write(p)
	if x.held.Len() < 4096 {
		return len(p), nil
	}
	return len(p), x.Flush()
}

// Flush sends what was written. To an HTTP/1.0 client, which knows no chunks, a body without a Content-Length is held
// until its end.
func (x *exchange) Flush() error {
	x.start()
	if x.size < 0 && !x.ctx.Request.Header.IsHTTP11() {
		return nil
	}
	x.begin()
	_, err := x.held.WriteTo(x.out)
	return err
}

// begin lets fasthttp's handler return.
func (x *exchange) begin() {
	if x.begun {
		return
	}
	x.begun = true
	if !x.body.ended {
		x.ctx.SetConnectionClose() // fasthttp would take the rest of the body for the next request
	}
	close(x.ready)
}

// finish ends the response: well, or so that the client sees that a part is missing.
func (x *exchange) finish(err error) {
	if !x.begun && x.size < 0 {
		x.size = x.held.Len() // the whole body
	}
	x.begin()
	if err == nil {
		_, err = x.held.WriteTo(x.out)
	}
	if err != nil {
		err = io.ErrUnexpectedEOF // which fasthttp does not log
	}
	x.pipe.CloseWithError(err)
}
