package http2

import (
	"os"
	"slices"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// Response is the answer to a request. It belongs to the handler's goroutine; what frames it is guarded by Conn.mu.
type Response struct{ muxcommon.Response }

// sender is Stream as what its Response asks of the engine.
type sender Stream

var _ muxcommon.Engine = (*sender)(nil)

// Start implements muxcommon.Engine, as do those that follow.
func (e *sender) Start() error {
	s := (*Stream)(e)
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.reset != nil || c.gone != nil {
		return s.abortCause()
	}
	s.renderLocked(false)
	return nil
}

func (e *sender) Send(p []byte) error {
	s := (*Stream)(e)
	held := s.res.Buffered()
	if len(held) == 0 && len(p) == 0 {
		s.conn.mu.Lock()
		s.flushAndUnlock()
		return nil
	}
	err := s.send(held)
	s.res.ResetBuffer()
	if err != nil {
		return err
	}
	return s.send(p)
}

func (e *sender) Interim(status int, h *httpcommon.Headers) error {
	s := (*Stream)(e)
	c := s.conn
	c.mu.Lock()
	if s.reset != nil || c.gone != nil {
		defer c.mu.Unlock()
		return s.res.Fail(s.abortCause())
	}
	at := c.beginHeadersLocked(s, 0)
	c.out = c.encoder.AppendStatus(c.out, status)
	if h != nil {
		for name, value := range h.All() {
			if muxcommon.InterimField(name, value) {
				c.out = c.encoder.Append(c.out, name, value)
			}
		}
	}
	c.endHeadersLocked(s, at)
	s.flushAndUnlock()
	return nil
}

func (e *sender) Cause() error     { return (*Stream)(e).Cause() }
func (e *sender) Break()           { (*Stream)(e).Reset(InternalError) }
func (e *sender) Failed(err error) { e.conn.handler.Failed((*Stream)(e), err) }

func (e *sender) Rejected(bad *httpcommon.BadRequestError) *Answer {
	return e.conn.handler.Rejected((*Stream)(e), bad)
}

// send sends p, and waits until the client's windows have let it go.
func (s *Stream) send(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c := s.conn
	c.mu.Lock()
	if s.reset != nil || c.gone != nil {
		defer c.mu.Unlock()
		return s.abortCause()
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
		return s.abortCause()
	case len(s.out) > 0: // too late
		c.dequeueLocked(s)
		c.sentLocked(s)
		s.out = nil
		return os.ErrDeadlineExceeded
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

// renderLocked renders the header section. When whole, the body is complete in the buffer.
func (s *Stream) renderLocked(whole bool) {
	c, r := s.conn, &s.res
	head := r.BeginHead(whole, muxcommon.Head{Date: c.cfg.Date != nil, Server: c.cfg.ServerHeader != "", AltSvc: c.cfg.AltSvc != ""})
	var flags uint8
	if head.Empty {
		flags = flagEndStream
		s.localEnded = true
	}
	at := c.beginHeadersLocked(s, flags)
	b := c.encoder.AppendStatus(c.out, r.Status())
	h := r.Header()
	for i := range h.Len() {
		if name, value := h.At(i); head.Sends(name, value) {
			b = c.encoder.Append(b, name, value)
		}
	}
	if head.ContentLength {
		b = c.encoder.AppendContentLength(b, int64(len(r.Buffered())))
	}
	if head.Date {
		b = c.encoder.Append(b, "date", c.cfg.Date())
	}
	if head.Server {
		b = c.encoder.Append(b, "server", c.cfg.ServerHeader)
	}
	if head.AltSvc {
		b = c.encoder.Append(b, "alt-svc", c.cfg.AltSvc)
	}
	c.out = b
	c.endHeadersLocked(s, at)
	r.HeadSize = len(c.out) - at
}

func (c *Conn) trailersLocked(s *Stream) {
	at := c.beginHeadersLocked(s, flagEndStream)
	for name, value := range s.res.Trailers().All() {
		if muxcommon.TrailerField(name, value) {
			c.out = c.encoder.Append(c.out, name, value)
		}
	}
	c.endHeadersLocked(s, at)
	s.res.BodySize += int64(len(c.out) - at)
}

// settle completes the response, or answers the application's failure, and ends the time of the handler.
func (s *Stream) settle(err error) (still bool) {
	s.res.Conclude(err, &s.body.Body)
	c := s.conn
	c.mu.Lock()
	s.finishLocked()
	if s.res.Completes() {
		s.flushAndUnlock()
		s.res.Complete()
		c.mu.Lock()
	}
	still, a, last, wake := s.overLocked()
	c.flushAndUnlock()
	c.wound(a, last, wake)
	return still
}

// finishLocked renders what is left of the response.
func (s *Stream) finishLocked() {
	c, r := s.conn, &s.res
	if s.reset != nil || c.gone != nil {
		return
	}
	if !r.Started() {
		s.renderLocked(true)
	}
	r.Swallow()
	if s.localEnded {
		return
	}
	if !c.sendLocked(s, r.Buffered(), true) {
		c.countLocked(s)
	}
}
