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
		bad = s.req.finish(c.cfg, &c.fields)
	}
	if bad == nil && whole && s.req.length > 0 {
		bad = errLessThanLength
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
	*f = fields{limits: &c.cfg.Limits, trailers: trailers}
	var memory []byte
	if s != nil {
		f.req = &s.req
		if trailers {
			f.size, f.count = s.req.fieldsSize, s.req.fieldCount
		} else {
			memory = s.req.memory[:0]
		}
	}
	memory, err := c.decoder.Decode(block, memory, f)
	if s != nil && !trailers { // those have memory of their own, which nobody uses again
		s.req.memory = memory
		s.req.fieldsSize, s.req.fieldCount = f.size, f.count
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
	if s.req.host == "" {
		s.req.host = s.req.authority
	}
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
	s.req.begin(whole)
	if value, set := s.req.header.Lookup("priority"); set {
		s.priority = parsePriority(value)
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

// fields takes the fields of a block one by one (RFC 9113 §8.2, §8.3). It is an hpack.Sink.
type fields struct {
	req      *Request // nil: they are only checked against the limits
	limits   *Limits
	trailers bool
	regular  bool // a regular field has come
	size     int
	count    int
	seen     uint8
	scheme   string
	protocol string
	cookies  int
}

// Which pseudo-header fields have come.
const (
	sawMethod uint8 = 1 << iota
	sawScheme
	sawPath
	sawAuthority
	sawProtocol
)

// Field implements hpack.Sink.
func (f *fields) Field(x hpack.Field) error {
	// RFC 9113 §10.5.1 counts 32 bytes besides; Kestrel counts what the field would have on HTTP/1.1.
	f.size += len(x.Name) + len(x.Value) + 4
	if f.size > f.limits.MaxRequestHeadersTotalSize {
		return errHeadersTooLarge
	}
	if x.Name != "" && x.Name[0] == ':' {
		return f.pseudo(x.Name, x.Value)
	}
	f.count++
	if f.count > f.limits.MaxRequestHeaderCount {
		return errTooManyHeaders
	}
	f.regular = true
	if err := checkName(x.Name); err != nil {
		return err
	}
	if !validValue(x.Value) {
		return errFieldInvalid
	}
	if connectionSpecific(x.Name, x.Value) {
		return errConnectionField
	}
	if f.req == nil {
		return nil
	}
	if f.trailers {
		if !httpcommon.ForbiddenTrailer(x.Name) {
			f.req.trailer.Add(x.Name, x.Value)
		}
		return nil
	}
	if x.Name == "cookie" {
		f.cookies++
	}
	f.req.header.Add(x.Name, x.Value)
	return nil
}

func (f *fields) pseudo(name, value string) error {
	var bit uint8
	switch name {
	case ":method":
		bit = sawMethod
	case ":scheme":
		bit = sawScheme
	case ":path":
		bit = sawPath
	case ":authority":
		bit = sawAuthority
	case ":protocol":
		bit = sawProtocol
	}
	switch {
	case f.trailers:
		return errTrailersPseudo
	case bit == 0:
		return errUnknownPseudo
	case f.regular:
		return errPseudoLate
	case f.seen&bit != 0:
		return errDuplicatePseudo
	case !validValue(value):
		return errFieldInvalid
	}
	f.seen |= bit
	if f.req == nil {
		return nil
	}
	switch bit {
	case sawMethod:
		f.req.method = httpcommon.InternMethod(value)
	case sawScheme:
		f.scheme = value
	case sawPath:
		f.req.rawTarget = value
	case sawAuthority:
		f.req.authority = value
	case sawProtocol:
		f.protocol = value
	}
	return nil
}

// checkName is RFC 9113 §8.2.1: a token without uppercase letters.
func checkName(name string) error {
	if name == "" {
		return errFieldInvalid
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			return errUppercase
		case !httpcommon.IsTokenByte(c):
			return errFieldInvalid
		}
	}
	return nil
}

// validValue is RFC 9113 §8.2.1: no NUL, CR or LF, and no white space at the ends.
func validValue(v string) bool {
	if v == "" {
		return true
	}
	if first, last := v[0], v[len(v)-1]; first == ' ' || first == '\t' || last == ' ' || last == '\t' {
		return false
	}
	for i := range len(v) {
		if c := v[i]; c == 0 || c == '\r' || c == '\n' {
			return false
		}
	}
	return true
}

// connectionSpecific names the fields of RFC 9113 §8.2.2.
func connectionSpecific(name, value string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	case "te":
		return !httpcommon.EqualFold(value, "trailers")
	}
	return false
}
