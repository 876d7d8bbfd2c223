package http1

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Config is what connections of one endpoint share. It must not change while they live.
type Config struct {
	// Limits must be effective (see Limits.Effective).
	Limits Limits
	Compat Compat
	// Scheme is "http" or "https".
	Scheme string
	// ServerHeader is the value of the Server field; "" sends none.
	ServerHeader string
	// Date returns a rendered Date field line, which stays as it is; nil sends none.
	Date func() []byte
}

// Handler is the engine's owner: it runs the application and hears what happened.
type Handler interface {
	// Claim is asked for each request before it runs; false leaves it unread, and Process returns Foreign.
	Claim(*Request) bool
	// Serve runs the application. A panic is the owner's to recover, an error means the response is not to be finished.
	Serve() error
	// Rejected tells of a request that was refused by the engine, or whose error became its answer.
	Rejected(*httpcommon.BadRequestError)
	// Failed tells of an error in a response or in a callback, for the log.
	Failed(error)
}

// Next is what a transport does after Process.
type Next uint8

const (
	// More: wait for bytes, then Received and Process again.
	More Next = iota
	// Close: all was written and all was read; close the connection.
	Close
	// Linger: all was written, but the client may still be sending: close so that it can read the answer.
	Linger
	// Abort: close the connection at once.
	Abort
	// Foreign: the next request belongs to somebody else; Unread has its bytes.
	Foreign
	// Taken: the application took the connection over.
	Taken
)

// Conn is one connection. Only one goroutine at a time may use it.
type Conn struct {
	cfg     *Config
	stream  Stream
	handler Handler

	// in[r:w] are bytes received and not yet used. The head of the request being served lies in memory, which is in
	// or, when a body needed more room, the buffer before it.
	in     []byte
	r, w   int
	memory []byte
	out    []byte // rendered and not yet written

	head head
	req  Request
	body Body
	res  Response

	closeAfter bool        // after this response
	draining   atomic.Bool // the server stops: say Connection: close
	taken      bool        // hijacked or upgraded
	gone       error
	onAborted  []func(error)
	watching   bool
	armed      bool // the deadline for the rest of the head is running
}

// NewConn returns the engine of a new connection.
func NewConn(cfg *Config, stream Stream, handler Handler) *Conn {
	c := &Conn{cfg: cfg, stream: stream, handler: handler}
	c.req.conn, c.res.conn, c.body.conn = c, c, c
	c.res.status = 200
	return c
}

// Request and Response are those of the request being served.
func (c *Conn) Request() *Request   { return &c.req }
func (c *Conn) Response() *Response { return &c.res }

// Start arms the wait for the first request.
func (c *Conn) Start() { c.stream.SetTimeout(TimeoutKeepAlive, c.cfg.Limits.KeepAliveTimeout) }

// Drain makes the response being written, or the next one, the last: it says Connection: close.
// It is safe to call from any goroutine.
func (c *Conn) Drain() { c.draining.Store(true) }

// Idle reports whether the connection waits for a request of which no byte has come.
func (c *Conn) Idle() bool { return c.w == c.r }

// Unread returns a copy of the bytes that were received and not used.
func (c *Conn) Unread() []byte { return append([]byte(nil), c.in[c.r:c.w]...) }

// Preload gives the engine bytes that somebody else has read from the connection.
func (c *Conn) Preload(b []byte) {
	for len(b) > 0 {
		n := copy(c.Input(), b)
		c.Received(n)
		b = b[n:]
	}
}

// Input returns room for the next bytes, never empty.
func (c *Conn) Input() []byte {
	if c.in == nil {
		c.in = getBuffer(smallBuffer)
		c.r, c.w = 0, 0
	}
	if c.w == len(c.in) {
		c.makeRoom()
	}
	return c.in[c.w:]
}

// Received tells that n bytes were put into Input.
func (c *Conn) Received(n int) { c.w += n }

// makeRoom moves unused bytes to the front, or into a larger buffer.
func (c *Conn) makeRoom() {
	if c.r > 0 {
		copy(c.in, c.in[c.r:c.w])
		c.w -= c.r
		c.r = 0
		return
	}
	size := largeBuffer
	if len(c.in) >= largeBuffer {
		size = 2 * len(c.in) // only a head limit above the default leads here
	}
	bigger := getBuffer(size)
	c.w = copy(bigger, c.in[:c.w])
	putBuffer(c.in)
	c.in = bigger
}

// Release gives the connection's memory back. The connection must not be used after.
func (c *Conn) Release() {
	if c.memory != nil {
		putBuffer(c.memory)
		c.memory = nil
	}
	if c.in != nil {
		putBuffer(c.in)
		c.in = nil
	}
	c.out, c.res.held = nil, nil
}

// Process serves every request that is complete and says what to do next. When more is needed, all responses have been
// written.
func (c *Conn) Process() Next {
	for {
		size, err := c.parse()
		if err == nil && size == 0 {
			return c.wait()
		}
		if err == nil {
			err = c.req.load(&c.head, c.in[c.r:c.r+size])
		}
		if err != nil {
			return c.reject(err)
		}
		if !c.handler.Claim(&c.req) {
			return c.unclaimed()
		}
		c.r += size
		if next := c.serve(); next != More {
			return next
		}
	}
}

// parse looks at what has been received. The target is judged as soon as its line is complete, so that a request gets the
// same answer however its bytes are cut.
func (c *Conn) parse() (int, error) {
	if c.head.phase == phaseRequestLine {
		if c.head.scanned == 0 {
			c.skipLineBreaks()
		}
		if c.w == c.r {
			return 0, nil
		}
		done, err := c.head.requestLineIn(c.in[c.r:c.w], &c.cfg.Limits, &c.cfg.Compat)
		if err != nil || !done {
			return 0, err
		}
		if err := c.req.begin(&c.head, c.in[c.r:c.w]); err != nil {
			return 0, err
		}
	}
	return c.head.fieldsIn(c.in[c.r:c.w], &c.cfg.Limits, &c.cfg.Compat)
}

// skipLineBreaks ignores line breaks before a request line, as RFC 9112 §2.2 asks for.
func (c *Conn) skipLineBreaks() {
	for c.r < c.w && (c.in[c.r] == '\r' || c.in[c.r] == '\n') {
		c.r++
	}
}

// wait readies the connection for more input.
func (c *Conn) wait() Next {
	if err := c.flush(nil); err != nil {
		return Abort
	}
	switch {
	case c.draining.Load() && c.Idle():
		return Close
	case c.Idle():
		c.r, c.w = 0, 0
		c.armed = false
		c.stream.SetTimeout(TimeoutKeepAlive, c.cfg.Limits.KeepAliveTimeout)
	case !c.armed:
		// One deadline from the first byte to the end of the head; more bytes do not extend it.
		c.armed = true
		c.stream.SetTimeout(TimeoutRequestHeaders, c.cfg.Limits.RequestHeadersTimeout)
	}
	return More
}

// unclaimed gives the request up before it was begun.
func (c *Conn) unclaimed() Next {
	c.req.reset()
	c.head.reset()
	c.stream.SetTimeout(TimeoutNone, 0)
	if err := c.flush(nil); err != nil {
		return Abort
	}
	return Foreign
}

// ReadFailed says what to do after the transport's Read failed or reached the end of the input.
func (c *Conn) ReadFailed(err error) Next {
	if c.stream.Expired() == TimeoutRequestHeaders {
		return c.reject(errHeadersTimeout)
	}
	if err == io.EOF {
		return Close // also with half a request: there is nobody to answer (Kestrel closes silently)
	}
	return Abort
}

// reject answers a request that breaks the rules, and ends the connection.
func (c *Conn) reject(err error) Next {
	bad, ok := httpcommon.AsBadRequest(err)
	if !ok {
		return Abort
	}
	c.stream.SetTimeout(TimeoutNone, 0)
	c.handler.Rejected(bad)
	if bad == errHTTP2Preface {
		c.out = append(c.out, goAwayHTTP11Required...)
	} else {
		c.out = appendRejection(c.out, bad, c.date(), c.cfg.ServerHeader)
	}
	c.r = c.w
	if c.flush(nil) != nil {
		return Abort
	}
	return Linger
}

func (c *Conn) date() []byte {
	if c.cfg.Date == nil {
		return nil
	}
	return c.cfg.Date()
}

// serve runs one request whose head has been taken out of the input.
func (c *Conn) serve() Next {
	c.stream.SetTimeout(TimeoutNone, 0)
	c.armed = false
	c.closeAfter = false
	c.body.begin(&c.req)
	err := c.handler.Serve()
	c.unwatch()
	if c.taken {
		return Taken
	}
	c.settle(err)
	c.res.completed()
	next := c.conclude()
	if next == More {
		c.nextRequest()
	}
	return next
}

// settle completes the response, or answers the application's failure.
func (c *Conn) settle(err error) {
	s := &c.res
	if err == nil && c.body.err != nil && !s.started && !s.wrote && s.status == 200 {
		err = c.body.err // the application returned without an answer: the client's fault is the answer
	}
	if err == nil {
		err = s.finish()
		if err == nil {
			if c.body.err != nil {
				c.closeAfter = true
			}
			return
		}
		c.handler.Failed(err)
		if s.started && s.framing == framingLength && err == errTooFewBytes && !s.wrote {
			c.takeBack()
		}
	}
	if c.gone != nil {
		return
	}
	if s.started {
		c.closeAfter = true
		s.err = err
		return
	}
	status, overrun := 500, s.overrun
	if bad, ok := httpcommon.AsBadRequest(err); ok {
		status = bad.Status
		c.closeAfter = true
		c.handler.Rejected(bad)
	} else {
		c.closeAfter = c.body.err != nil || overrun
	}
	s.replace(status)
	_ = s.finish() // an empty answer; a broken connection shows at the flush
}

// takeBack undoes a header section that has been rendered and not sent.
func (c *Conn) takeBack() {
	c.res.started = false
	c.out = c.out[:c.res.at]
}

// conclude flushes, drains the body and decides whether the connection goes on.
func (c *Conn) conclude() Next {
	if c.gone != nil {
		return Abort
	}
	if c.res.err != nil && c.res.started {
		c.flush(nil)
		return Abort // no end of the response: the client must see that it is cut
	}
	if !c.body.done {
		if err := c.flush(nil); err != nil {
			return Abort
		}
		if c.keepAlive() && !c.body.drain() {
			c.closeAfter = true
		}
	}
	if !c.keepAlive() {
		if err := c.flush(nil); err != nil {
			return Abort
		}
		if !c.body.done || c.buffered() > 0 {
			return Linger
		}
		return Close
	}
	return More
}

// keepAlive is RFC 9112 §9.3, as far as it is known by now.
func (c *Conn) keepAlive() bool {
	q := &c.req
	switch {
	case c.closeAfter, q.close, c.draining.Load():
		return false
	case q.conflicted && !c.cfg.Compat.KeepAliveAfterCLTE:
		return false
	case c.body.awaitsContinue():
		return false // it may send the body, or not: what comes next cannot be told apart
	case q.minor == 0:
		return q.keepAlive && (c.res.framing == framingLength || c.res.framing == framingNone)
	}
	return true
}

func (c *Conn) nextRequest() {
	c.req.reset()
	c.res.reset()
	c.head.reset()
	if c.memory != nil {
		putBuffer(c.memory)
		c.memory = nil
	}
	if cap(c.res.held) > largeBuffer {
		c.res.held = nil
	}
}

// flush writes what is waiting, and p after it.
func (c *Conn) flush(p []byte) error {
	if len(c.out) == 0 && len(p) == 0 {
		return nil
	}
	err := c.stream.Writev(c.out, p)
	c.out = c.out[:0]
	if cap(c.out) > largeBuffer {
		c.out = nil
	}
	if err != nil {
		cause := httpcommon.ErrClientDisconnected
		if c.stream.Expired() == TimeoutResponseRate {
			cause = httpcommon.ErrResponseTooSlow
		}
		c.lost(cause)
	}
	return err
}

// Input of a body.

func (c *Conn) buffered() int   { return c.w - c.r }
func (c *Conn) pending() []byte { return c.in[c.r:c.w] }
func (c *Conn) take(n int)      { c.r += n }

// readBody takes body bytes: those received, else from the stream straight into p.
func (c *Conn) readBody(p []byte) (int, error) {
	if n := copy(p, c.pending()); n > 0 {
		c.take(n)
		return n, nil
	}
	if err := c.flush(nil); err != nil {
		return 0, err
	}
	c.stream.BodyRead(true)
	n, err := c.stream.Read(p)
	c.stream.BodyRead(false)
	return n, err
}

// fillBody waits for more bytes of a chunked body. The head stays where it is: the request's strings are parts of it.
func (c *Conn) fillBody() error {
	if err := c.flush(nil); err != nil {
		return err
	}
	if c.memory == nil {
		c.memory = c.in
		c.in = getBuffer(largeBuffer)
		c.w = copy(c.in, c.memory[c.r:c.w])
		c.r = 0
	} else if c.r == c.w {
		c.r, c.w = 0, 0
	}
	room := c.Input()
	c.stream.BodyRead(true)
	n, err := c.stream.Read(room)
	c.stream.BodyRead(false)
	if n > 0 {
		c.Received(n)
		return nil
	}
	return err
}

// bodyDone is called when the last byte of the body was read: from now on the connection can be watched.
func (c *Conn) bodyDone() {
	if len(c.onAborted) > 0 && !c.watching && !c.body.draining {
		c.watch()
	}
}

// OnAborted calls fn when the client goes away while the request runs.
func (c *Conn) OnAborted(fn func(error)) {
	if c.gone != nil {
		fn(c.gone)
		return
	}
	c.onAborted = append(c.onAborted, fn)
	if c.body.done && !c.watching {
		c.watch()
	}
}

func (c *Conn) watch() {
	c.watching = true
	fns := c.onAborted
	c.stream.Watch(func(err error) {
		for _, fn := range fns {
			fn(err)
		}
	})
}

func (c *Conn) unwatch() {
	if c.watching {
		c.stream.Unwatch()
	}
	c.watching = false
	clear(c.onAborted)
	c.onAborted = c.onAborted[:0]
}

// lost tells that the connection broke, or was given up.
func (c *Conn) lost(cause error) {
	if c.gone != nil {
		return
	}
	c.gone = cause
	if !c.watching {
		for _, fn := range c.onAborted {
			fn(cause)
		}
	}
}

// Lose gives the request up: nothing more is written, and the connection is closed when the application returns.
func (c *Conn) Lose(cause error) { c.lost(cause) }

// Take hands the connection to the application: what waits to be written is written, and Process will return Taken.
func (c *Conn) Take() (buffered []byte, err error) {
	if c.taken {
		return nil, errTaken
	}
	c.unwatch()
	if err := c.flush(nil); err != nil {
		return nil, err
	}
	c.taken = true
	c.stream.SetTimeout(TimeoutNone, 0)
	buffered = c.Unread()
	c.r = c.w
	return buffered, nil
}

// guard runs a callback of the application.
func (c *Conn) guard(fn func()) {
	defer func() {
		if v := recover(); v != nil {
			c.handler.Failed(panicked{v})
		}
	}()
	fn()
}

// panicked is a panic of a callback as an error.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic in a callback: %v", p.value) }
