package http2

import (
	"github.com/lannerhq/lanner/internal/hpack"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// headersFrame is RFC 9113 §6.2.
func (c *Conn) headersFrame(f *frame, p []byte) *connError {
	if err := f.ofStream(); err != nil {
		return err
	}
	p, err := unpadded(f, p)
	if err != nil {
		return err
	}
	if f.has(flagPriority) {
		if len(p) < 5 {
			return errFrameLength
		}
		if dependency(p) == f.stream {
			return errSelfDependency
		}
		p = p[5:]
	}
	if f.has(flagEndHeaders) {
		return c.headerBlock(f, p)
	}
	c.blockOf, c.blocks = *f, 0
	if len(p) > c.maxBlock() {
		return errHeadersTooLarge
	}
	c.block = append(c.block[:0], p...)
	return nil
}

// maxBlock bounds an encoded header block: it is seldom larger than what it stands for.
func (c *Conn) maxBlock() int { return c.cfg.Limits.MaxRequestHeadersTotalSize + 4<<10 }

// continuationFrame is RFC 9113 §6.10. That it belongs to the block was seen before.
func (c *Conn) continuationFrame(f *frame, p []byte) *connError {
	if c.blockOf.stream == 0 {
		if f.stream == 0 {
			return errStreamZero
		}
		return errContinuation
	}
	c.blocks++
	if len(c.block)+len(p) > c.maxBlock() || c.blocks > 8+c.maxBlock()/minContinuation {
		return errHeadersTooLarge
	}
	c.block = append(c.block, p...)
	if !f.has(flagEndHeaders) {
		return nil
	}
	head, block := c.blockOf, c.block
	c.blockOf, c.block = frame{}, nil
	return c.headerBlock(&head, block)
}

// minContinuation is the size of the CONTINUATION frames that a block of the greatest size may come in, in bytes.
const minContinuation = 64

// headerBlock decodes a header block, whatever becomes of it: the decoder must keep step with the client's encoder.
func (c *Conn) headerBlock(f *frame, block []byte) *connError {
	c.mu.Lock()
	s, where := c.findLocked(f.stream)
	trailers := where == live
	if where == draining {
		s = nil // its handler may still run
	}
	ignored, refused := c.admitLocked(where)
	if where == idle {
		c.lastID = f.stream
	}
	c.mu.Unlock()
	switch {
	case where == closedByClient:
		return errAborted
	case where == halfClosed:
		return errHalfClosed
	case where == closed:
		return errStreamClosed
	case trailers && !f.has(flagEndStream):
		return errTrailersEnd
	case where == idle && !ignored: // also when it is refused, so that somebody can be told of what
		s = c.handler.NewStream()
		s.begin(c, f.stream)
	}
	err := c.decode(s, trailers, block)
	switch {
	case err != nil:
		if s != nil && !trailers {
			c.unserved(s, err.request())
		}
		return err
	case where == draining:
		return c.drained(f)
	case trailers:
		return c.endOfRequest(s)
	case ignored:
		return c.spend(abuseUnknown)
	}
	whole, bad := f.has(flagEndStream), refused
	if bad == nil {
		bad = s.req.judge(c.cfg, &c.fields, whole)
	}
	if bad != nil {
		s.remoteEnded = whole
		return c.refuse(s, bad)
	}
	return c.serve(s, whole)
}

// decode reads a block into the head or the trailers of a stream; into nothing for nil.
func (c *Conn) decode(s *Stream, trailers bool, block []byte) *connError {
	f := &c.fields
	var memory []byte
	var head *httpcommon.Head
	if s != nil {
		head = &s.req.Head
		if !trailers {
			memory = head.Memory[:0]
		}
	}
	l := &c.cfg.Limits
	f.Begin(head, trailers, httpcommon.FieldLimits{MaxTotalSize: l.MaxRequestHeadersTotalSize, MaxCount: l.MaxRequestHeaderCount})
	memory, err := c.decoder.Decode(block, memory, f)
	if s != nil && !trailers { // those have memory of their own, which nobody uses again
		head.Memory = memory
		f.End()
	}
	if err == nil {
		return nil
	}
	if broken, ok := err.(*connError); ok {
		return broken
	}
	if err == hpack.ErrStringTooLong {
		return errFieldTooLarge
	}
	return &connError{CompressionError, "error_reading_headers", err.Error()}
}

// admitLocked says whether a new stream may be served: it may be ignored, or refused with an error.
func (c *Conn) admitLocked(where place) (ignored bool, refused *streamError) {
	switch {
	case where != idle:
	case c.final || c.gone != nil:
		return true, nil // RFC 9113 §6.8: beyond the last stream of our GOAWAY
	case c.running >= max(2*c.cfg.Limits.MaxStreams, minTracked):
		return false, errEnhanceYourCalm
	case c.active >= c.cfg.Limits.MaxStreams:
		return false, errTooManyStreams
	}
	return false, nil
}

// minTracked is how many handlers may be running, with those of streams that were reset, however few streams are allowed (Kestrel).
const minTracked = 100

// refuse resets a new stream whose request is malformed, or has no place. The allowance bounds how many the owner is told of.
func (c *Conn) refuse(s *Stream, e *streamError) *connError {
	c.handler.Rejected(s, e.bad)
	c.mu.Lock()
	c.sendResetLocked(s, e.code)
	s.reset = &ResetError{Code: e.code}
	err := c.spendLocked(abuseMadeReset)
	if e == errEnhanceYourCalm && c.calmed.tooOften(c.now) {
		err = abuseReset.error()
	}
	c.mu.Unlock()
	c.unserved(s, e.bad)
	return err
}

// unserved gives back the stream of a request that comes to nothing, and tells the owner why. The head may be incomplete.
func (c *Conn) unserved(s *Stream, why error) {
	c.mu.Lock()
	s.cause = why
	c.mu.Unlock()
	s.req.Incomplete()
	c.release(s)
}

// headLost tells of a request whose head was not there in full when the connection ended.
func (c *Conn) headLost(why error) {
	id := c.blockOf.stream
	c.blockOf = frame{}
	c.mu.Lock()
	fresh := id > c.lastID
	c.mu.Unlock()
	if !fresh || why == errOver { // trailers; or beyond the last stream of a GOAWAY, so that the client asks elsewhere
		return
	}
	s := c.handler.NewStream()
	s.begin(c, id)
	c.unserved(s, why)
}

// serve runs a request.
func (c *Conn) serve(s *Stream, whole bool) *connError {
	c.opened = true
	if value, set := s.req.Header().Lookup("priority"); set {
		s.priority = httpcommon.ParsePriority(value)
	}
	if c.upcoming.stream == s.id {
		s.priority = c.upcoming.priority
	}
	elsewhere := c.handler.Elsewhere(s)
	c.mu.Lock()
	if gone := c.gone; gone != nil {
		c.mu.Unlock()
		c.unserved(s, gone)
		return nil
	}
	if (c.full || c.writing) && len(c.out) > maxBacklog {
		c.mu.Unlock()
		c.unserved(s, errOutputQueue.request())
		return errOutputQueue
	}
	s.remoteEnded = whole
	c.openLocked(s)
	if !elsewhere && !c.handler.Left(s) {
		c.inline = s
	}
	inline := c.inline == s
	c.mu.Unlock()
	if !inline {
		go s.run()
		return nil
	}
	if !s.run() {
		return errGone
	}
	return nil
}

// endOfRequest is a request's last frame.
func (c *Conn) endOfRequest(s *Stream) *connError {
	c.mu.Lock()
	a := c.endRequestLocked(s)
	c.mu.Unlock()
	a.run(c)
	return nil
}

// drained takes note of the last frame of a stream that we have reset.
func (c *Conn) drained(f *frame) *connError {
	if f.has(flagEndStream) {
		c.mu.Lock()
		c.resets.forget(f.stream)
		c.mu.Unlock()
	}
	return c.spend(abuseUnknown)
}

// fields takes the fields of a block one by one. It is an hpack.Sink.
type fields struct{ httpcommon.Fields }

// Field implements hpack.Sink. A field that breaks a rule ends the connection, as in Kestrel.
func (f *fields) Field(x hpack.Field) error {
	if bad := f.Add(x.Name, x.Value); bad != nil {
		return &connError{ProtocolError, bad.Reason, bad.Detail}
	}
	return nil
}
