package http1

import (
	"io"
	"sync"
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
	// Failed tells of an error in a response, or of a *PanicError of a callback, for the log.
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

// Conn is one connection. One goroutine at a time runs it (Input, Received, Process). While it is in Handler.Serve, one
// goroutine may read the body and one, which may be the same, may write the response; OnAborted and Lose are for any.
type Conn struct {
	cfg     *Config
	stream  Stream
	handler Handler

	// in[r:w] are bytes received and not yet used. The head of the request being served lies in memory, which is in
	// or, when a body needed more room, the buffer before it.
	in     []byte
	r, w   int
	memory []byte

	head head
	req  Request
	body Body
	res  Response

	closeAfter bool        // after this response
	draining   atomic.Bool // the server stops: say Connection: close
	taken      bool        // hijacked or upgraded
	armed      uint8       // the deadline that runs while there is no request

	// mu guards what the reader of the body, the writer of the response and those who watch share: all below, and
	// Response.started, Response.at and Body.awaiting. It is not held while the stream writes.
	mu        sync.Mutex
	written   sync.Cond // writing became false
	writing   bool
	out       []byte // rendered and not yet written
	gone      error  // why nothing more can be written
	serving   bool   // a request runs: it can be aborted
	inputIdle bool   // the body has been read: what comes next on the stream is another request, or the end
	watching  bool
	onAborted func(error)
}

// NewConn returns the engine of a new connection.
func NewConn(cfg *Config, stream Stream, handler Handler) *Conn {
	c := &Conn{cfg: cfg, stream: stream, handler: handler}
	c.req.conn, c.res.conn, c.body.conn = c, c, c
	c.res.status = 200
	c.written.L = &c.mu
	return c
}

// Request and Response are those of the request being served.
func (c *Conn) Request() *Request   { return &c.req }
func (c *Conn) Response() *Response { return &c.res }

// Start arms the wait for the first request.
func (c *Conn) Start() { c.arm(TimeoutKeepAlive) }

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
	c.req.reset()
	c.trim()
}

// trim gives back what an idle connection does not need.
func (c *Conn) trim() {
	if len(c.in) > smallBuffer {
		putBuffer(c.in)
		c.in = nil
	}
	putBuffer(c.res.held)
	c.res.held = nil
	c.mu.Lock()
	putBuffer(c.out)
	c.out = nil
	c.mu.Unlock()
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
	if !c.Idle() {
		c.arm(TimeoutRequestHeaders)
		return More
	}
	if c.draining.Load() {
		return Close
	}
	c.r, c.w = 0, 0
	c.trim()
	c.arm(TimeoutKeepAlive)
	return More
}

// arm starts the deadline of a wait, unless it runs: one for the first byte, which blank lines do not extend, and one from
// it to the end of the head, which further bytes do not.
func (c *Conn) arm(reason uint8) {
	if c.armed == reason {
		return
	}
	c.armed = reason
	d := c.cfg.Limits.KeepAliveTimeout
	if reason == TimeoutRequestHeaders {
		d = c.cfg.Limits.RequestHeadersTimeout
	}
	c.stream.SetTimeout(reason, d)
}

func (c *Conn) disarm() {
	c.armed = TimeoutNone
	c.stream.SetTimeout(TimeoutNone, 0)
}

// unclaimed gives the request up before it was begun.
func (c *Conn) unclaimed() Next {
	c.req.reset()
	c.head.reset()
	c.disarm()
	if err := c.flush(nil); err != nil {
		return Abort
	}
	return Foreign
}

// ReadFailed says what to do after the transport's Read failed or reached the end of the input.
func (c *Conn) ReadFailed(err error) Next {
	switch expired := c.stream.Expired(); {
	case expired == TimeoutRequestHeaders:
		return c.reject(errHeadersTimeout)
	case expired == TimeoutKeepAlive:
		return Close
	case err == io.EOF:
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
	c.disarm()
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
	c.disarm()
	c.closeAfter = false
	c.body.begin(&c.req)
	c.mu.Lock()
	c.serving, c.inputIdle = true, c.body.done
	c.mu.Unlock()
	err := c.handler.Serve()
	c.unwatch()
	if c.taken {
		c.completed()
		return Taken
	}
	c.settle(err)
	c.completed()
	next := c.conclude()
	if next == More {
		c.nextRequest()
	}
	return next
}

// Abandon ends a request whose handler will never return to Process, because it ended the goroutine.
func (c *Conn) Abandon() {
	c.unwatch()
	c.completed()
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
			c.closeAfter = c.closeAfter || c.body.err != nil
			return
		}
		c.handler.Failed(err)
		if err == errTooFewBytes && !s.wrote {
			c.takeBack()
		}
	}
	switch {
	case c.lostCause() != nil:
	case s.started:
		c.closeAfter = true
		if !s.whole() {
			s.err = err
		}
	default:
		c.answerFailure(err)
	}
}

// answerFailure replaces a response that has not started: by the status of the client's fault, or by 500.
func (c *Conn) answerFailure(err error) {
	s := &c.res
	overrun := s.overrun
	bad, ok := httpcommon.AsBadRequest(err)
	if !ok {
		c.closeAfter = c.body.err != nil || overrun
		s.replace(500)
	} else {
		c.handler.Rejected(bad)
		c.closeAfter = true
		s.replace(bad.Status)
		if bad.Allow != "" {
			s.header.Set("Allow", bad.Allow)
		}
	}
	_ = s.finish() // an empty answer; a broken connection shows at the flush
}

// takeBack undoes a header section that has been rendered and not sent.
func (c *Conn) takeBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.res.started && c.res.at != sent {
		c.res.started = false
		c.out = c.out[:c.res.at]
	}
}

// completed runs OnCompleted. What is waiting is sent first: the functions are told that the response is out.
func (c *Conn) completed() {
	if len(c.res.onCompleted) == 0 {
		return
	}
	if !c.taken {
		_ = c.flush(nil) // an error shows again in conclude
	}
	c.res.completed()
}

// conclude flushes, drains the body and decides whether the connection goes on.
func (c *Conn) conclude() Next {
	if c.lostCause() != nil {
		return Abort
	}
	if c.res.err != nil && c.res.started {
		_ = c.flush(nil)
		return Abort // no end of the response: the client must see that it is cut
	}
	if !c.body.done {
		if err := c.flush(nil); err != nil {
			return Abort
		}
		if c.keepAlive() && !c.drain() {
			c.closeAfter = true
		}
	}
	if c.keepAlive() {
		return More
	}
	if err := c.flush(nil); err != nil {
		return Abort
	}
	if !c.body.done || c.buffered() > 0 {
		return Linger
	}
	return Close
}

// drain reads what the application left of the body and reports whether the connection can go on.
func (c *Conn) drain() bool {
	if c.body.drain() {
		return true
	}
	if bad, ok := httpcommon.AsBadRequest(c.body.err); ok {
		c.handler.Rejected(bad) // for the log: its answer has been sent
	}
	return false
}

// keepAlive is RFC 9112 §9.3, as far as it is known by now.
func (c *Conn) keepAlive() bool {
	q := &c.req
	switch {
	case c.closeAfter, q.close, c.draining.Load():
		return false
	case q.conflicted && !c.cfg.Compat.KeepAliveAfterCLTE, q.minor == 0 && q.hasTE:
		return false
	case c.body.awaiting:
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
}

// flush writes what is waiting, and p after it. It is for the writer of the response.
func (c *Conn) flush(p []byte) error {
	c.mu.Lock()
	for c.writing {
		c.written.Wait()
	}
	return c.writeAndUnlock(p)
}

// flushBeforeRead sends what the client may be waiting for before it sends its body: earlier responses, an invitation.
// It leaves a response that has started to its writer, which may be blocked because the client does not read before its
// body has been taken.
func (c *Conn) flushBeforeRead() error {
	c.mu.Lock()
	for c.writing && !c.res.started {
		c.written.Wait()
	}
	if c.res.started || len(c.out) == 0 {
		c.mu.Unlock()
		return nil
	}
	return c.writeAndUnlock(nil)
}

// writeAndUnlock is called with mu held and returns without. It writes with mu released, and writing set.
func (c *Conn) writeAndUnlock(p []byte) error {
	out := c.out
	c.out = nil
	if c.gone != nil || len(out)+len(p) == 0 {
		c.out = out[:0]
		err := c.gone
		c.mu.Unlock()
		return err
	}
	c.res.at = sent
	c.writing = true
	c.mu.Unlock()
	err := c.stream.Writev(out, p)
	c.mu.Lock()
	c.writing = false
	c.written.Broadcast()
	if len(c.out) == 0 && cap(out) <= largeBuffer {
		c.out = out[:0]
	}
	c.mu.Unlock()
	if err != nil {
		c.lost(c.writeCause(err))
	}
	return err
}

// outLocked is out, with room for a response that is not large.
func (c *Conn) outLocked() []byte {
	if cap(c.out) == 0 {
		c.out = getBuffer(smallBuffer)[:0]
	}
	return c.out
}

func (c *Conn) writeCause(err error) error {
	switch {
	case c.stream.Expired() == TimeoutResponseRate:
		return httpcommon.ErrResponseTooSlow
	case isDeadline(err):
		return err // the application's own
	}
	return httpcommon.ErrClientDisconnected
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
	if err := c.flushBeforeRead(); err != nil {
		return 0, err
	}
	c.stream.BodyRead(true)
	n, err := c.stream.Read(p)
	c.stream.BodyRead(false)
	return n, err
}

// fillBody waits for more bytes of a chunked body. The head stays where it is: the request's strings are parts of it.
func (c *Conn) fillBody() error {
	if err := c.flushBeforeRead(); err != nil {
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
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inputIdle = true
	c.watchLocked()
}

// OnAborted calls fn, once and on any goroutine, when the request is aborted: at once when it already is. One function per
// request; it is forgotten when the handler returns. It is safe to call from any goroutine, and does nothing when no
// request runs.
func (c *Conn) OnAborted(fn func(error)) {
	c.mu.Lock()
	if gone := c.gone; gone != nil {
		c.mu.Unlock()
		fn(gone)
		return
	}
	defer c.mu.Unlock()
	if c.serving {
		c.onAborted = fn
		c.watchLocked()
	}
}

// watchLocked begins to watch the client, when somebody wants to know and nobody else reads.
func (c *Conn) watchLocked() {
	if c.serving && c.inputIdle && c.onAborted != nil && !c.watching {
		c.watching = true
		c.stream.Watch(c.clientLeft)
	}
}

// clientLeft is called by the watch. The client may have closed its sending side only, so the response is still written.
func (c *Conn) clientLeft(error) {
	c.mu.Lock()
	fn := c.onAborted
	c.onAborted = nil
	c.mu.Unlock()
	if fn != nil {
		fn(httpcommon.ErrClientDisconnected)
	}
}

// unwatch ends the part of a request in which it can be aborted: no function is called after it returns.
func (c *Conn) unwatch() {
	c.mu.Lock()
	watching := c.watching
	c.serving, c.watching, c.onAborted = false, false, nil
	c.mu.Unlock()
	if watching {
		c.stream.Unwatch()
	}
}

// lost tells that the connection broke, or was given up.
func (c *Conn) lost(cause error) {
	c.mu.Lock()
	if c.gone != nil {
		c.mu.Unlock()
		return
	}
	c.gone = cause
	fn := c.onAborted
	c.onAborted = nil
	c.mu.Unlock()
	if fn != nil {
		fn(cause)
	}
}

func (c *Conn) lostCause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// Lose gives the request up: nothing more is written, and the connection is closed when the application returns. It is
// safe to call from any goroutine while a request runs.
func (c *Conn) Lose(cause error) { c.lost(cause) }

// Lost is why the request was given up, or nil.
func (c *Conn) Lost() error { return c.lostCause() }

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
	c.disarm()
	buffered = c.Unread()
	c.r = c.w
	return buffered, nil
}
