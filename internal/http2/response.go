package http2

import (
	"errors"
	"io"
	"os"
	"slices"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// ErrStarted is returned by what must come before the response starts.
var ErrStarted = errors.New("http2: the response has started")

// Response is the answer to a request. Body bytes are held back until they exceed Limits.MaxResponseBufferSize, Flush, or the end
// of the request; a response held back whole gets a Content-Length. It belongs to the handler's goroutine; what frames it is guarded
// by Conn.mu.
type Response struct {
	stream      *Stream
	status      int
	header      httpcommon.Headers
	trailer     httpcommon.Headers
	held        []byte
	started     bool
	wrote       bool
	overrun     bool
	bodyless    bool
	left        int64 // of a Content-Length; -1 for none
	err         error // sticky
	headSize    int
	bodySize    int64
	swallowed   int64
	onStarting  []func()
	onCompleted []func()
}

func (r *Response) clear() {
	r.header.Reset()
	r.trailer.Reset()
	clear(r.onStarting)
	clear(r.onCompleted)
	held := r.held
	if cap(held) > bufpool.Small {
		bufpool.Put(held)
		held = nil
	}
	*r = Response{header: r.header, trailer: r.trailer, held: held[:0], onStarting: r.onStarting[:0], onCompleted: r.onCompleted[:0]}
}

// The contract's ResponseFeature.

func (r *Response) Status() int                 { return r.status }
func (r *Response) Header() *httpcommon.Headers { return &r.header }
func (r *Response) Started() bool               { return r.started }
func (r *Response) OnStarting(fn func())        { r.onStarting = append(r.onStarting, fn) }
func (r *Response) OnCompleted(fn func())       { r.onCompleted = append(r.onCompleted, fn) }

// SetStatus sets the status of a response that has not started.
func (r *Response) SetStatus(code int) {
	if !r.started {
		r.status = code
	}
}

// Trailers are the fields behind the body.
func (r *Response) Trailers() *httpcommon.Headers { return &r.trailer }

// Held returns the body bytes that are held back; none once the response has started.
func (r *Response) Held() []byte {
	if r.started {
		return nil
	}
	return r.held
}

// Write appends to the body.
func (r *Response) Write(p []byte) (int, error) {
	r.wrote = true
	if r.err != nil {
		return 0, r.err
	}
	if !r.started {
		if len(p) > 0 && !httpcommon.BodyAllowed(r.status) {
			return 0, httpcommon.ErrBodyNotAllowed
		}
		if _, announced := r.header.Lookup("Content-Length"); !announced && r.room(len(p)) {
			r.hold(p)
			return len(p), nil
		}
		if err := r.start(int64(len(p))); err != nil {
			return 0, err
		}
	}
	if r.bodyless {
		r.swallowed += int64(len(p))
		return len(p), nil
	}
	if r.left >= 0 {
		if int64(len(p)) > r.left {
			r.overrun = true
			return 0, r.fail(httpcommon.ErrContentLength)
		}
		r.left -= int64(len(p))
	}
	if len(p) < copyBelow && r.room(len(p)) {
		r.hold(p)
		return len(p), nil
	}
	if err := r.send(r.held); err != nil {
		return 0, err
	}
	r.held = r.held[:0]
	return len(p), r.send(p)
}

// copyBelow is the size up to which writes to a response that has started are gathered, in bytes.
const copyBelow = 16 << 10

func (r *Response) room(n int) bool {
	return n <= r.stream.conn.cfg.Limits.MaxResponseBufferSize-len(r.held)
}

func (r *Response) hold(p []byte) { r.held = append(bufpool.Grown(r.held, len(p)), p...) }

// send sends p, and waits until the client's windows have let it go.
func (r *Response) send(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	s := r.stream
	c := s.conn
	c.mu.Lock()
	if s.reset != nil || c.gone != nil {
		err := r.failLocked()
		c.mu.Unlock()
		return err
	}
	all := c.sendLocked(s, p, false)
	s.flushAndUnlock()
	if all {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for (len(s.out) > 0 || s.sending > 0) && s.reset == nil && !s.writeLate {
		c.countLocked(s)
		s.waitLocked()
	}
	for s.sending > 0 {
		s.waitLocked() // p is being written
	}
	switch {
	case s.reset != nil:
		return r.failLocked()
	case len(s.out) > 0: // too late
		c.dequeueLocked(s)
		c.sentLocked(s)
		s.out = nil
		r.err = os.ErrDeadlineExceeded
	}
	return r.err
}

func (r *Response) failLocked() error {
	if r.err == nil {
		r.err = r.stream.abortCause()
	}
	return r.err
}

func (r *Response) fail(err error) error {
	if r.err == nil {
		r.err = err
	}
	return r.err
}

// Flush sends what was written.
func (r *Response) Flush() error {
	if r.err != nil {
		return r.err
	}
	if !r.started {
		if err := r.start(0); err != nil {
			return err
		}
	}
	if len(r.held) > 0 {
		err := r.send(r.held)
		r.held = r.held[:0]
		return err
	}
	c := r.stream.conn
	c.mu.Lock()
	r.stream.flushAndUnlock()
	return nil
}

// SendFrom appends what reader yields.
func (r *Response) SendFrom(reader io.Reader) (int64, error) {
	return bufpool.Copy(r, reader)
}

// SendInterim sends a 1xx response at once (RFC 9110 §15.2).
func (r *Response) SendInterim(status int, h *httpcommon.Headers) error {
	switch {
	case r.err != nil:
		return r.err
	case r.started:
		return ErrStarted
	case status < 100 || status > 199 || status == 101:
		return nil
	}
	s := r.stream
	c := s.conn
	c.mu.Lock()
	if s.reset != nil || c.gone != nil {
		defer c.mu.Unlock()
		return r.failLocked()
	}
	at := c.beginHeadersLocked(s, 0)
	c.out = c.encoder.AppendStatus(c.out, status)
	if h != nil {
		for name, value := range h.All() {
			if httpcommon.Sendable(name) && !httpcommon.EqualFold(name, "Content-Length") {
				c.out = c.encoder.Append(c.out, name, value)
			}
		}
	}
	c.endHeadersLocked(s, at)
	s.flushAndUnlock()
	return nil
}

// invite asks for a body that the client holds back (RFC 9110 §10.1.1).
func (r *Response) invite() {
	if !r.started {
		_ = r.SendInterim(100, nil) // an error shows at the next write
	}
}

// Starting runs what OnStarting registered, last first.
func (r *Response) Starting() error {
	for len(r.onStarting) > 0 {
		last := len(r.onStarting) - 1
		fn := r.onStarting[last]
		r.onStarting = r.onStarting[:last]
		if err := httpcommon.Guard(fn); err != nil {
			return r.fail(err)
		}
	}
	return nil
}

// prepare runs OnStarting and checks what is about to be sent. next is the size of the write that causes it.
func (r *Response) prepare(next int64) error {
	if err := r.Starting(); err != nil || r.started {
		return err
	}
	if err := r.check(next); err != nil {
		return r.fail(err) // not started: the server can still answer 500
	}
	return nil
}

// start fixes the header section of a response that is not whole.
func (r *Response) start(next int64) error {
	if err := r.prepare(next); err != nil || r.started {
		return r.err
	}
	s := r.stream
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.reset != nil || c.gone != nil {
		return r.failLocked()
	}
	r.renderLocked(false)
	if n := int64(len(r.held)); r.left >= 0 && !r.bodyless {
		r.left -= n
	}
	if r.bodyless {
		r.swallowed += int64(len(r.held))
		r.held = r.held[:0]
	}
	return nil
}

// check looks for what must not be sent.
func (r *Response) check(next int64) error {
	length, err := httpcommon.CheckResponse(r.status, &r.header)
	if err != nil {
		return err
	}
	r.bodyless = r.stream.req.IsHead() || !httpcommon.BodyAllowed(r.status)
	r.left = length
	if length >= 0 && next+int64(len(r.held)) > length && !r.bodyless {
		r.overrun = true
		return httpcommon.ErrContentLength
	}
	return nil
}

// beginHeadersLocked begins a HEADERS frame, endHeadersLocked ends it, in several frames where it is longer than the client takes.
func (c *Conn) beginHeadersLocked(s *Stream, flags uint8) (at int) {
	c.roomLocked(256)
	at = len(c.out)
	c.out = appendFrameHead(c.out, 0, frameHeaders, flags|flagEndHeaders, s.id)
	c.out = c.encoder.Begin(c.out)
	return at
}

func (c *Conn) endHeadersLocked(s *Stream, at int) {
	if size := len(c.out) - at - frameHeaderSize; size > c.maxFrame {
		c.splitLocked(s, at)
		return
	}
	setLength(c.out, at)
}

func (c *Conn) splitLocked(s *Stream, at int) {
	block := slices.Clone(c.out[at+frameHeaderSize:])
	c.out[at+4] &^= flagEndHeaders
	c.out = c.out[:at+frameHeaderSize+c.maxFrame]
	setLength(c.out, at)
	for block = block[c.maxFrame:]; len(block) > 0; {
		n := min(len(block), c.maxFrame)
		var flags uint8
		if n == len(block) {
			flags = flagEndHeaders
		}
		c.out = append(appendFrameHead(c.out, n, frameContinuation, flags, s.id), block[:n]...)
		block = block[n:]
	}
}

// renderLocked renders the header section. When whole, the body is complete in held.
func (r *Response) renderLocked(whole bool) {
	s := r.stream
	c := s.conn
	r.started = true
	var flags uint8
	empty := r.bodyless || len(r.held) == 0
	if whole && empty && r.trailer.Len() == 0 {
		flags = flagEndStream
	}
	at := c.beginHeadersLocked(s, flags)
	b := c.encoder.AppendStatus(c.out, r.status)
	date, server, length := c.cfg.Date != nil, c.cfg.ServerHeader != "", whole && r.left < 0
	for name, value := range r.header.All() {
		switch len(name) {
		case len("Date"):
			if httpcommon.EqualFold(name, "Date") {
				date = false
				if value == "" {
					continue // "no Date", as the bridge says it
				}
			}
		case len("Server"):
			server = server && !httpcommon.EqualFold(name, "Server")
		case len("Content-Length"):
			if httpcommon.EqualFold(name, "Content-Length") && r.status == 204 {
				continue
			}
		}
		if !httpcommon.Sendable(name) {
			continue
		}
		if httpcommon.EqualFold(name, "Set-Cookie") {
			b = c.encoder.AppendSensitive(b, name, value)
			continue
		}
		b = c.encoder.Append(b, name, value)
	}
	if length && httpcommon.BodyAllowed(r.status) && (!r.bodyless || len(r.held) > 0) && r.trailer.Len() == 0 {
		b = c.encoder.AppendContentLength(b, int64(len(r.held)))
	}
	if date {
		b = c.encoder.Append(b, "date", c.cfg.Date())
	}
	if server {
		b = c.encoder.Append(b, "server", c.cfg.ServerHeader)
	}
	if c.cfg.AltSvc != "" {
		if _, own := r.header.Lookup("Alt-Svc"); !own {
			b = c.encoder.Append(b, "alt-svc", c.cfg.AltSvc)
		}
	}
	c.out = b
	c.endHeadersLocked(s, at)
	r.headSize = len(c.out) - at
	if flags&flagEndStream != 0 {
		s.localEnded = true
	}
}

func (c *Conn) trailersLocked(s *Stream) {
	at := c.beginHeadersLocked(s, flagEndStream)
	for name, value := range s.res.trailer.All() {
		if httpcommon.IsToken(name) && httpcommon.IsFieldValue(value) && httpcommon.Sendable(name) && !httpcommon.ForbiddenTrailer(name) {
			c.out = c.encoder.Append(c.out, name, value)
		}
	}
	c.endHeadersLocked(s, at)
	s.res.bodySize += int64(len(c.out) - at)
}

// settle completes the response, or answers the application's failure, and ends the time of the handler.
func (s *Stream) settle(err error) (still bool) {
	r := &s.res
	if err == nil && s.body.failed() && !r.started && !r.wrote && r.status == 200 {
		err = s.body.err // the application returned without an answer: the client's fault is the answer
	}
	if err == nil && r.err == nil && !r.started {
		err = r.prepare(0)
	}
	if err == nil && r.err == nil && !r.bodyless && r.left >= 0 && r.left != s.unsent() {
		err = httpcommon.ErrTooFewBytes
	}
	if err == nil {
		err = r.err
		if err == httpcommon.ErrContentLength && r.started && r.left == 0 {
			s.conn.handler.Failed(s, err) // the response is what it says
			err, r.err = nil, nil
		}
	}
	if err != nil {
		s.answerFailure(err)
	}
	c := s.conn
	c.mu.Lock()
	s.finishLocked()
	if len(r.onCompleted) > 0 {
		s.flushAndUnlock()
		r.complete()
		c.mu.Lock()
	}
	still, a, last, wake := s.overLocked()
	c.flushAndUnlock()
	c.wound(a, last, wake)
	return still
}

// unsent is how many bytes of the body are held back by a response that has not started; what is held back later was counted.
func (s *Stream) unsent() int64 {
	if s.res.started {
		return 0
	}
	return int64(len(s.res.held))
}

// finishLocked renders what is left of the response.
func (s *Stream) finishLocked() {
	c, r := s.conn, &s.res
	if s.reset != nil || c.gone != nil {
		return
	}
	if !r.started {
		r.renderLocked(true)
	}
	if s.localEnded {
		return
	}
	held := r.held
	if r.bodyless {
		held = nil
	}
	if !c.sendLocked(s, held, true) {
		c.countLocked(s)
	}
}

// answerFailure replaces a response that has not started, by the status of the client's fault or by 500, and resets a stream whose
// response has.
func (s *Stream) answerFailure(err error) {
	c, r := s.conn, &s.res
	if s.Cause() != nil {
		return
	}
	if httpcommon.LengthMismatch(err) || r.err == err {
		c.handler.Failed(s, err)
	}
	if r.started {
		r.err = err
		s.Reset(InternalError)
		return
	}
	bad, ok := httpcommon.AsBadRequest(err)
	r.replace(500)
	if ok {
		answer := c.handler.Rejected(s, bad)
		if bad.Status >= 200 && bad.Status <= 999 {
			r.status = bad.Status
		}
		if bad.Allow != "" {
			r.header.Set("Allow", bad.Allow)
		}
		if answer != nil {
			r.status = answer.Status
			for name, value := range answer.Header.All() {
				r.header.Add(name, value)
			}
			r.hold(answer.Body)
		}
	}
	if err := r.prepare(0); err != nil { // only a mistake in the answer leads here
		r.replace(500)
		_ = r.prepare(0)
	}
}

// replace discards what the application prepared.
func (r *Response) replace(status int) {
	r.header.Reset()
	r.trailer.Reset()
	r.onStarting = r.onStarting[:0]
	r.held = r.held[:0]
	r.err, r.status, r.overrun = nil, status, false
}

// complete runs OnCompleted, last registered first.
func (r *Response) complete() {
	for _, fn := range slices.Backward(r.onCompleted) {
		if err := httpcommon.Guard(fn); err != nil {
			r.stream.conn.handler.Failed(r.stream, err)
		}
	}
}
