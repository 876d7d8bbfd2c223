package http1

import (
	"io"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Body reads the content of the request being served.
type Body struct {
	conn     *Conn
	started  bool  // the application has begun to read, or the engine to drain
	done     bool  // all of it has been read
	drained  bool  // the engine read what the application had left, or tried to
	left     int64 // of a body with a length
	consumed int64 // bytes taken from the wire, framing included
	limit    int64 // MaxRequestBodySize of this request, maxInt for none
	chunks   chunkDecoder
	err      error // sticky
	awaiting bool  // the client holds the body back until it is invited (RFC 9110 §10.1.1); guarded by Conn.mu
}

// begin readies the body for a new request.
func (b *Body) begin(q *Request) {
	*b = Body{conn: b.conn, left: q.length, limit: b.conn.cfg.Limits.MaxRequestBodySize}
	b.chunks.maxField = b.conn.cfg.Limits.MaxRequestHeadersTotalSize
	b.done = q.length == 0
	b.awaiting = q.expect && q.minor == 1 && !b.done && b.conn.buffered() == 0
}

// Read reads content. Errors are *BadRequestError when the client is at fault, and last.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.done {
		return 0, io.EOF
	}
	if !b.started {
		if err := b.start(); err != nil {
			return 0, b.fail(err)
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.conn.req.chunked {
		return b.readChunked(p)
	}
	return b.readLength(p)
}

// start checks the announced size and invites the client to send, unless the response has begun: then the client has its
// answer, and sends the body or not as it likes.
func (b *Body) start() error {
	b.started = true
	if o := b.conn.observer; o != nil {
		o.Body(false)
	}
	if b.left > b.limit {
		return errBodyTooLarge
	}
	c := b.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.awaiting && !c.res.started {
		b.awaiting = false
		c.out = append(c.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
	}
	return nil
}

func (b *Body) readLength(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.conn.readBody(p)
	b.left -= int64(n)
	b.consumed += int64(n)
	if b.left == 0 {
		b.finish()
	}
	if n > 0 {
		return n, nil
	}
	return 0, b.fail(err)
}

func (b *Body) readChunked(p []byte) (int, error) {
	c := b.conn
	for {
		trailers := b.chunks.fieldBytes
		framing, data, err := b.chunks.decode(c.pending(), b.trailer)
		c.take(framing)
		// The limit of the body does not count trailers; that of headers does.
		b.consumed += int64(framing) - (b.chunks.fieldBytes - trailers)
		if err != nil {
			return 0, b.fail(err)
		}
		if b.overLimit() {
			return 0, b.fail(errBodyTooLarge)
		}
		if b.chunks.state == chunkDone {
			b.finish()
			return 0, io.EOF
		}
		if data > 0 {
			n := copy(p, c.pending()[:data])
			c.take(n)
			b.consumed += int64(n)
			b.chunks.took(n)
			return n, nil
		}
		if err := c.fillBody(); err != nil {
			return 0, b.fail(err)
		}
	}
}

// overLimit looks ahead to the end of the chunk, so that a chunk announced too large is refused at its size line.
func (b *Body) overLimit() bool {
	ahead := int64(0)
	if b.chunks.state == chunkData {
		ahead = b.chunks.size
	}
	return ahead > b.limit-b.consumed
}

// trailer takes one field of the trailer section. Trailers share the request's budget of headers.
func (b *Body) trailer(line []byte) error {
	c := b.conn
	c.head.fieldsSize += len(line) + 2
	if c.head.fieldsSize > c.cfg.Limits.MaxRequestHeadersTotalSize {
		return errHeadersTooLarge
	}
	if len(c.head.fields)+c.req.trailer.Len() >= c.cfg.Limits.MaxRequestHeaderCount {
		return errTooManyHeaders
	}
	h := head{}
	if err := h.field(line); err != nil {
		return err
	}
	text := string(line)
	name, value := h.fields[0].name.text(text), h.fields[0].value.text(text)
	if httpcommon.ForbiddenTrailer(name) {
		return nil
	}
	c.req.trailer.Add(name, value)
	return nil
}

func (b *Body) finish() {
	b.done = true
	if o := b.conn.observer; o != nil && !b.drained {
		o.Body(true)
	}
	b.conn.bodyDone()
}

// fail makes err last. io.EOF and broken connections become the error of a request that ended too early. A deadline that
// the application set is its own affair: it may set another and read on.
func (b *Body) fail(err error) error {
	if bad, ok := err.(*httpcommon.BadRequestError); ok {
		b.err = bad
		return b.err
	}
	switch expired := b.conn.stream.Expired(); {
	case expired == TimeoutRequestBodyRate:
		b.err = errBodyTimeout
	case expired != TimeoutNone:
		b.err = err
	case httpcommon.IsDeadline(err):
		return err
	default:
		b.err = errUnexpectedEnd
		b.conn.lost(httpcommon.ErrClientDisconnected)
	}
	return b.err
}

// drain reads what the application left, within the budget of time and bytes. It reports whether the connection can go on.
func (b *Body) drain() bool {
	if b.done {
		return true
	}
	if b.err != nil || b.awaiting {
		return false
	}
	c := b.conn
	if b.tooLongToDrain() {
		return false
	}
	b.started, b.drained = true, true
	b.limit = int64(maxInt)
	c.stream.SetTimeout(TimeoutDrain, c.cfg.Limits.DrainTimeout)
	defer c.disarm()
	scratch := bufpool.Get(bufpool.Small)
	defer bufpool.Put(scratch)
	for before := b.consumed; b.consumed-before <= c.cfg.Limits.MaxDrainSize; {
		if _, err := b.Read(scratch); err != nil {
			return err == io.EOF
		}
	}
	return false
}

// tooLongToDrain reports whether what is left of a body with a length will not be read to its end. Known before the response
// starts, the client is told so (RFC 9112 §9.6): it would use the connection again.
func (b *Body) tooLongToDrain() bool { return !b.done && b.left > b.conn.cfg.Limits.MaxDrainSize }

// BodyLimit is the largest size of this request's body in bytes, negative for none.
func (c *Conn) BodyLimit() int64 {
	if c.body.limit == int64(maxInt) {
		return -1
	}
	return c.body.limit
}

// SetBodyLimit changes it for this request; false when reading has begun.
func (c *Conn) SetBodyLimit(n int64) bool {
	if c.body.started {
		return false
	}
	if n < 0 {
		n = int64(maxInt)
	}
	c.body.limit = n
	return true
}

// RequestTrailers is the trailer section, empty until the body has been read to its end.
func (c *Conn) RequestTrailers() *httpcommon.Headers { return &c.req.trailer }

// Upgradable reports whether the client asks for another protocol and has sent no body (RFC 9110 §7.8).
func (c *Conn) Upgradable() bool {
	return c.req.upgrade && c.req.minor == 1 && c.body.done && !c.res.started && !c.taken
}
