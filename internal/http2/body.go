package http2

import (
	"io"
	"os"
	"slices"
	"time"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// Body reads the content of a request. One goroutine at a time reads. chunks are guarded by Conn.mu, the rest is the reader's.
type Body struct {
	muxcommon.Body
	stream   *Stream
	chunks   []chunk // what was received and not read, from chunks[first] on
	first    int
	received int64 // bytes so far; guarded by Conn.mu
}

// chunk is a pooled buffer, of which buf[r:w] was received and not read.
type chunk struct {
	buf  []byte
	r, w int
}

func (b *Body) clear() {
	b.dropLocked()
	*b = Body{chunks: b.chunks}
}

// Read reads content. Errors are *httpcommon.BadRequestError when the client is at fault, and last.
func (b *Body) Read(p []byte) (int, error) {
	s := b.stream
	c := s.conn
	if err := b.Begin(&s.req.Head, &s.res.Response); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	c.mu.Lock()
	waited := false
	for b.emptyLocked() && !s.remoteEnded && s.cause == nil && !s.readLate {
		if !waited && c.inline != s && !s.unmetered {
			waited = true
			c.meter.waiting++
		}
		s.waitLocked()
	}
	if waited {
		c.meter.waiting--
	}
	if !b.emptyLocked() && !s.readLate {
		n := b.takeLocked(p)
		s.growth.read += int64(n)
		c.growth.read += int64(n)
		c.tookLocked(s, n)
		c.flushAndUnlock()
		if err := b.Took(n); err != nil {
			return 0, err
		}
		return n, nil
	}
	defer c.mu.Unlock()
	switch {
	case s.cause != nil:
		return 0, b.End(s.cause)
	case s.readLate:
		return 0, os.ErrDeadlineExceeded // the application may set another
	}
	return 0, b.End(io.EOF)
}

// tookLocked gives the client room for as much as was taken, once it is worth a frame.
func (c *Conn) tookLocked(s *Stream, n int) {
	if s.consumed += int64(n); s.consumed >= s.growth.size/2 && !s.remoteEnded {
		more := c.refillWindowLocked(&s.growth, s.consumed, c.streamLimitLocked())
		c.outLocked()
		c.out = appendWindowUpdate(c.out, s.id, uint32(more))
		s.recvWindow += more
		s.consumed = 0
	}
	c.giveBackLocked(n)
}

// giveBackLocked does the same for the connection. While much of its window is in a body that nobody reads, half of it cannot be taken from
// the others; so an eighth is enough when the client has no more than that left.
func (c *Conn) giveBackLocked(n int) {
	c.consumed += int64(n)
	size := c.growth.size
	if worth := c.consumed >= size/2 || c.consumed >= size/8 && c.consumed >= c.recvWindow; !worth || c.gone != nil {
		return
	}
	more := c.refillWindowLocked(&c.growth, c.consumed, int64(c.cfg.Limits.MaxConnectionWindow))
	c.outLocked()
	c.out = appendWindowUpdate(c.out, 0, uint32(more))
	c.recvWindow += more
	c.consumed = 0
}

// forgetBodyLocked drops what the application has not read.
func (c *Conn) forgetBodyLocked(s *Stream) {
	if n := s.body.dropLocked(); n > 0 {
		c.giveBackLocked(n)
	}
}

func (b *Body) emptyLocked() bool { return b.first == len(b.chunks) }

// putLocked keeps what was received for the application. The stream's window bounds it. It is kept in chunks, so that nothing that waits
// is copied to make room for more.
func (b *Body) putLocked(p []byte) {
	for len(p) > 0 {
		if b.emptyLocked() {
			b.chunks = append(b.chunks, chunk{buf: bufpool.Get(min(len(p), bufpool.Large))})
		} else if last := &b.chunks[len(b.chunks)-1]; last.w == len(last.buf) {
			b.chunks = append(b.chunks, chunk{buf: bufpool.Get(bufpool.Large)})
		}
		last := &b.chunks[len(b.chunks)-1]
		n := copy(last.buf[last.w:], p)
		last.w += n
		p = p[n:]
	}
}

// takeLocked reads what was received into p.
func (b *Body) takeLocked(p []byte) (n int) {
	for n < len(p) && !b.emptyLocked() {
		k := &b.chunks[b.first]
		m := copy(p[n:], k.buf[k.r:k.w])
		k.r += m
		n += m
		if k.r == k.w {
			b.shiftLocked()
		}
	}
	return n
}

// shiftLocked gives the first chunk back. The list is not moved for each of them.
func (b *Body) shiftLocked() {
	bufpool.Put(b.chunks[b.first].buf)
	b.chunks[b.first] = chunk{}
	b.first++
	switch {
	case b.emptyLocked():
		b.chunks, b.first = b.chunks[:0], 0
	case b.first >= maxRead:
		b.chunks, b.first = slices.Delete(b.chunks, 0, b.first), 0
	}
}

// maxRead is how many chunks that were read the list may begin with.
const maxRead = 16

// dropLocked gives all chunks back, and returns how much was in them.
func (b *Body) dropLocked() (n int) {
	for !b.emptyLocked() {
		k := &b.chunks[b.first]
		n += k.w - k.r
		b.shiftLocked()
	}
	return n
}

// SetReadDeadline and SetWriteDeadline bound reading the body and writing the response, until the handler returns.
func (s *Stream) SetReadDeadline(t time.Time)  { s.setDeadline(t, &s.readDeadline, &s.readLate) }
func (s *Stream) SetWriteDeadline(t time.Time) { s.setDeadline(t, &s.writeDeadline, &s.writeLate) }

func (s *Stream) setDeadline(t time.Time, timer **time.Timer, late *bool) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	*late = false
	if t.IsZero() || !s.running {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		*late = true
		s.wakeLocked()
		return
	}
	var mine *time.Timer
	mine = time.AfterFunc(left, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if *timer == mine {
			*late = true
			s.wakeLocked()
		}
	})
	*timer = mine
}

// stopTimers ends the deadlines of a handler that returns; mu is held.
func (s *Stream) stopTimers() {
	for _, timer := range [...]**time.Timer{&s.readDeadline, &s.writeDeadline} {
		if *timer != nil {
			(*timer).Stop()
			*timer = nil
		}
	}
}

// dataFrame is RFC 9113 §6.1.
func (c *Conn) dataFrame(f *frame, p []byte) *connError {
	if err := f.ofStream(); err != nil {
		return err
	}
	data, err := unpadded(f, p)
	if err != nil {
		return err
	}
	c.mu.Lock()
	a, err := c.dataLocked(f, data)
	c.mu.Unlock()
	a.run(c)
	return err
}

func (c *Conn) dataLocked(f *frame, data []byte) (a after, err *connError) {
	s, where := c.findLocked(f.stream)
	if err := where.error(); err != nil {
		return a, err
	}
	if c.recvWindow -= int64(f.length); c.recvWindow < 0 {
		return a, errWindowExceeded
	}
	c.giveBackLocked(0)
	if len(data) == 0 && !f.has(flagEndStream) {
		if err := c.spendLocked(abuseEmptyData); err != nil {
			return a, err
		}
	}
	if where == draining {
		c.giveBackLocked(f.length)
		if f.has(flagEndStream) {
			c.resets.forget(f.stream)
		}
		return a, nil
	}
	if s.recvWindow -= int64(f.length); s.recvWindow < 0 {
		return a, errWindowExceeded
	}
	b := &s.body
	b.received += int64(len(data))
	c.meter.bytes += int64(len(data))
	if pad := f.length - len(data); pad > 0 { // RFC 9113 §6.9.1: it counts, and nobody reads it
		c.tookLocked(s, pad)
	}
	if bad := muxcommon.CheckLength(&s.req.Head, b.received, false); bad != nil {
		c.giveBackLocked(len(data))
		return c.rejectLocked(s, &streamError{ProtocolError, bad}), c.spendLocked(abuseMadeReset)
	}
	if s.running {
		b.putLocked(data)
	} else {
		c.giveBackLocked(len(data)) // the answer is on its way, nobody reads any more
	}
	if f.has(flagEndStream) {
		return c.endRequestLocked(s), nil
	}
	s.wakeLocked()
	return a, nil
}

// endRequestLocked is the end of a request that had a body.
func (c *Conn) endRequestLocked(s *Stream) after {
	if bad := muxcommon.CheckLength(&s.req.Head, s.body.received, true); bad != nil {
		a := c.rejectLocked(s, &streamError{ProtocolError, bad})
		c.resets.forget(s.id)
		return a
	}
	s.remoteEnded = true
	c.uploadedLocked(s)
	s.wakeLocked()
	if s.localEnded {
		return c.closeLocked(s)
	}
	return after{}
}

// place is where a stream that a frame names is in its life.
type place uint8

const (
	live           place = iota
	idle                 // not yet opened
	halfClosed           // the client has ended it
	closedByClient       // the client has reset it
	closed
	draining // we have reset it, which the client may not know
)

var placeErrors = [...]*connError{idle: errStreamIdle, halfClosed: errHalfClosed, closedByClient: errAborted, closed: errStreamClosed, draining: nil}

// error is what a frame with content is, there.
func (p place) error() *connError { return placeErrors[p] }

func (c *Conn) findLocked(id uint32) (*Stream, place) {
	if id > c.lastID {
		return nil, idle
	}
	if c.final && id > c.served { // RFC 9113 §6.8: discarded, it was on its way
		return nil, draining
	}
	s := c.streams.get(id)
	switch {
	case s != nil && s.reset != nil && s.reset.Remote:
		return s, closedByClient
	case c.resets.has(id):
		return s, draining
	case s == nil:
		return nil, closed
	case s.remoteEnded:
		return s, halfClosed
	}
	return s, live
}
