package http2

import (
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Stream is one exchange. The goroutine of its handler owns it while that runs; what Conn.mu guards is said.
type Stream struct {
	// Owner is the owner's own object. It stays when the stream is recycled.
	Owner any

	kept bool // see Keep

	conn *Conn
	id   uint32
	req  Request
	body Body
	res  Response

	// Conn.mu guards what follows.

	running     bool // the handler
	counted     bool // among the open ones
	remoteEnded bool // the client has sent its last frame, or reset the stream
	localEnded  bool // so have we
	reset       *ResetError
	cause       error // of the end of the connection, or of an abort
	sendWindow  int64
	recvWindow  int64
	consumed    int64 // bytes of the body that were taken and not given back to the client
	growth      growth
	priority    priority
	onAborted   func(error)
	telling     bool // onAborted is being called; it counts as the handler, which may have returned

	out                  []byte // body bytes that wait to be framed: the response's held ones, or a writer's
	lastOut              bool   // the response ends behind them
	queued               bool
	sending              int       // pieces of out that are being written from where they lie
	next                 *Stream   // in its queue
	waiting              int       // goroutines that wait for a change
	changed              sync.Cond // of anything here
	counting             bool      // what waits in out is measured,
	rest                 int       // but for that much at its end
	uploading, unmetered bool      // see meter

	readDeadline, writeDeadline *time.Timer
	readLate, writeLate         bool
}

// ID is the stream's number (RFC 9113 §5.1.1).
func (s *Stream) ID() uint32 { return s.id }

// Request, Body and Response are the exchange's.
func (s *Stream) Request() *Request   { return &s.req }
func (s *Stream) Response() *Response { return &s.res }

// Conn is the connection that carries it.
func (s *Stream) Conn() *Conn { return s.conn }

// begin makes s, which is new or was recycled, the stream of a request.
func (s *Stream) begin(c *Conn, id uint32) {
	s.conn, s.id = c, id
	s.req.stream, s.body.stream = s, s
	s.changed.L = &c.mu
	s.req.SetScheme(c.cfg.Scheme)
	s.recvWindow = int64(c.cfg.Limits.StreamWindow)
	s.growth = growth{size: s.recvWindow}
	s.priority = priority{Urgency: defaultUrgency}
	s.res.Init((*sender)(s), &s.req.Head, c.cfg.Limits.MaxResponseBufferSize)
	s.body.Init(c.cfg.Limits.MaxRequestBodySize)
}

// clear forgets the exchange and keeps memory.
func (s *Stream) clear() {
	s.req.clear()
	s.body.clear()
	s.res.Clear()
	s.running, s.counted, s.remoteEnded, s.localEnded, s.lastOut, s.queued, s.counting = false, false, false, false, false, false, false
	s.readLate, s.writeLate, s.uploading, s.unmetered, s.telling = false, false, false, false, false
	s.reset, s.cause, s.onAborted, s.next, s.out = nil, nil, nil, nil, nil
	s.consumed = 0
}

// after is what a change under mu leaves to be done when mu is released.
type after struct {
	aborted func(error)
	cause   error
	told    *Stream // whose aborted it is
	ended   *Stream
}

func (a after) run(c *Conn) {
	if a.told != nil {
		if err := httpcommon.Guard(func() { a.aborted(a.cause) }); err != nil {
			c.handler.Failed(a.told, err)
		}
		c.told(a.told)
	}
	if a.ended != nil {
		c.release(a.ended)
	}
}

// told lets a stream go that waited until its handler was told of the end.
func (c *Conn) told(s *Stream) {
	c.mu.Lock()
	s.telling = false
	c.running--
	a := c.closeLocked(s)
	last, wake := c.finished && c.running == 0, !c.processing && c.overLocked()
	c.mu.Unlock()
	c.wound(a, last, wake)
}

// release gives a stream back that has ended and whose handler has returned.
func (c *Conn) release(s *Stream) {
	c.handler.Ended(s)
	if s.kept {
		return
	}
	s.clear()
	c.handler.Recycle(s)
}

// openLocked makes a request one that the client may send frames of.
func (c *Conn) openLocked(s *Stream) {
	s.running, s.counted = true, true
	s.sendWindow = c.peerWindow
	c.streams.put(s)
	c.active++
	c.running++
	if !s.remoteEnded {
		c.uploadLocked(s)
	}
}

// run serves a request whose head is complete. It reports whether its goroutine is still the reader, if it was.
func (s *Stream) run() (still bool) {
	c, returned := s.conn, false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			c.handler.Broken(v) // the owner recovers the application's
			return
		}
		s.abandoned()
	}()
	err := c.handler.Serve(s)
	still = s.settle(err)
	returned = true
	return still
}

// abandoned ends a request whose handler has ended its goroutine. When that was the reader, another goroutine goes on.
func (s *Stream) abandoned() {
	c := s.conn
	c.mu.Lock()
	reader := c.inline == s
	if reader {
		c.inline = nil
	}
	c.mu.Unlock()
	if reader {
		c.handler.GoOn()
	}
	s.res.Complete()
	s.Reset(InternalError)
	s.over()
}

// over ends the time of the handler.
func (s *Stream) over() (still bool) {
	c := s.conn
	c.mu.Lock()
	still, after, last, wake := s.overLocked()
	c.flushAndUnlock()
	c.wound(after, last, wake)
	return still
}

// overLocked is over with mu held. The caller releases it, and then calls wound.
func (s *Stream) overLocked() (still bool, a after, last, wake bool) {
	c := s.conn
	s.running = false
	s.onAborted = nil
	c.running--
	if still = c.inline == s; still {
		c.inline = nil
	}
	if !s.remoteEnded && s.localEnded && s.reset == nil {
		// RFC 9113 §8.1: the answer is whole, the rest of the request is not wanted.
		c.sendResetLocked(s, NoError)
	}
	s.stopTimers()
	c.forgetBodyLocked(s)
	if s.localEnded {
		a = c.closeLocked(s)
	}
	last = c.finished && c.running == 0
	wake = !c.processing && c.overLocked()
	return still, a, last, wake
}

// wound does what overLocked has left to do. The stream may be another request's by now.
func (c *Conn) wound(a after, last, wake bool) {
	a.run(c)
	switch {
	case last:
		c.handler.LastReturned()
	case wake:
		c.handler.Wake()
	}
}

// closeLocked takes a stream that has ended on our side out of the protocol's count, and out of the table when its handler has
// returned, too.
func (c *Conn) closeLocked(s *Stream) (a after) {
	if s.counted && s.remoteEnded {
		s.counted = false
		c.active--
	}
	if s.running || s.telling || s.sending > 0 || !s.remoteEnded || c.streams.get(s.id) != s {
		return a
	}
	c.streams.remove(s.id)
	a.ended = s
	if !c.processing && c.active == 0 && c.running == 0 && c.gone == nil {
		c.opened = true
		c.armLocked() // else the reader does
	}
	return a
}

// resetLocked ends a stream in both directions.
func (c *Conn) resetLocked(s *Stream, why *ResetError) (a after) {
	if s.reset != nil {
		return a
	}
	s.reset = why
	if s.cause == nil {
		s.cause = why
	}
	return c.dropLocked(s)
}

// dropLocked gives a stream up whose cause is set.
func (c *Conn) dropLocked(s *Stream) (a after) {
	s.localEnded, s.remoteEnded = true, true
	c.uploadedLocked(s)
	c.dequeueLocked(s)
	s.out = nil
	c.sentLocked(s)
	s.wakeLocked()
	if s.onAborted != nil { // then the handler runs
		s.telling = true
		c.running++
		a = after{aborted: s.onAborted, cause: s.cause, told: s}
		s.onAborted = nil
	}
	a.ended = c.closeLocked(s).ended
	return a
}

// sendResetLocked writes RST_STREAM. What the client has on its way is ignored for a while.
func (c *Conn) sendResetLocked(s *Stream, code ErrCode) {
	if !s.remoteEnded {
		c.resets.remember(s.id, c.now)
		s.remoteEnded = true
		c.uploadedLocked(s)
	}
	s.localEnded = true
	if c.gone == nil {
		c.outLocked()
		c.out = appendRST(c.out, s.id, code)
	}
}

// rejectLocked resets a stream because of what the client has done.
func (c *Conn) rejectLocked(s *Stream, e *streamError) after {
	if s.reset != nil {
		return after{}
	}
	c.sendResetLocked(s, e.code)
	s.cause = e.bad
	return c.resetLocked(s, &ResetError{Code: e.code})
}

// Reset ends the stream with a code, from any goroutine.
func (s *Stream) Reset(code ErrCode) { s.Abort(code, nil) }

// Abort is Reset with a cause for those who wait; nil stands for the reset itself.
func (s *Stream) Abort(code ErrCode, cause error) {
	c := s.conn
	c.mu.Lock()
	if s.reset != nil || s.localEnded && s.remoteEnded {
		c.mu.Unlock()
		return
	}
	c.sendResetLocked(s, code)
	if s.cause == nil {
		s.cause = cause
	}
	a := c.resetLocked(s, &ResetError{Code: code})
	c.flushAndUnlock()
	a.run(c)
}

// OnAborted calls fn, once and on any goroutine, when the request is given up: at once when it already is. It is forgotten when the
// handler returns.
func (s *Stream) OnAborted(fn func(error)) {
	c := s.conn
	c.mu.Lock()
	cause := s.cause
	if cause == nil && s.running {
		s.onAborted = fn
	}
	c.mu.Unlock()
	if cause != nil {
		fn(cause)
	}
}

// Cause is why the request was given up; nil when it was not.
func (s *Stream) Cause() error {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.cause
}

// wakeLocked wakes who waits for a change.
func (s *Stream) wakeLocked() {
	if s.waiting > 0 {
		s.changed.Broadcast()
	}
}

// waitLocked waits for a change. A handler on the reader's goroutine first lets another one read on.
func (s *Stream) waitLocked() {
	c := s.conn
	if c.inline == s {
		c.inline = nil
		c.mu.Unlock()
		c.handler.GoOn()
		c.mu.Lock()
		return // there may have been a change
	}
	s.waiting++
	s.changed.Wait()
	s.waiting--
}

// Seized lets another goroutine be the reader, because a handler takes long that runs on the reader's. It reports whether there is
// one: then the caller goes on with Resume. left is asked under the connection's lock whether the word is not stale.
func (c *Conn) Seized(left func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inline == nil || !left() {
		return false
	}
	c.inline = nil
	return true
}

// abortCause is what those who read and write see of a stream that was given up.
func (s *Stream) abortCause() error {
	if s.cause != nil {
		return s.cause
	}
	return httpcommon.ErrRequestAborted
}
