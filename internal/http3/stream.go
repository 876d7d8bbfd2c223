package http3

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Stream is one exchange. Its goroutine owns it, which the handler runs on; what others reach is said.
type Stream struct {
	// Owner is the owner's own object. It stays when the stream is recycled.
	Owner any

	kept  bool // see Keep
	early bool // it came in early data

	conn *Conn
	q    BidiStream
	id   uint64
	req  Request
	body Body
	res  Response

	// What is read ahead: in[r:w]. ended says that nothing is behind it.
	in    []byte
	r, w  int
	ended bool

	leads bool   // it is on the leader's goroutine, as far as that knows
	turn  uint64 // which it has there

	prioritized bool // by PRIORITY_UPDATE
	priority    httpcommon.Priority

	received atomic.Int64 // bytes of the body so far
	heading  atomic.Bool  // the head is not complete
	meter    meter
	cause    atomic.Pointer[error] // why it was given up

	// mu guards the ends of the stream, which handlers reach on several goroutines.
	mu     sync.Mutex
	reset  *ResetError
	aborts func() bool // stops the watch for the client's leaving

	// Conn.mu guards these.
	next, prev *Stream
	since      int64 // when it was accepted
}

// ID is the stream's number (RFC 9000 §2.1).
func (s *Stream) ID() uint64 { return s.id }

// Request and Response are the exchange's.
func (s *Stream) Request() *Request   { return &s.req }
func (s *Stream) Response() *Response { return &s.res }

// Conn is the connection that carries it.
func (s *Stream) Conn() *Conn { return s.conn }

// Request is the request of a stream. Its strings share the stream's memory until Retain.
type Request struct {
	stream *Stream
	httpcommon.Head
}

// Protocol and Body are what the contract's RequestFeature has besides the head.

func (q *Request) Protocol() string { return "HTTP/3" }
func (q *Request) Body() io.Reader  { return &q.stream.body }

// begin makes s, which is new or was recycled, the stream of a request.
func (s *Stream) begin(c *Conn, q BidiStream) {
	s.conn, s.q, s.id = c, q, q.ID()
	s.req.stream, s.body.stream = s, s
	s.res.Init((*sender)(s), &s.req.Head, c.cfg.Limits.MaxResponseBufferSize)
	s.body.Init(c.cfg.Limits.MaxRequestBodySize)
	s.early = q != nil && c.quic.Early()
	s.heading.Store(true)
}

// clear forgets the exchange and keeps memory.
func (s *Stream) clear() {
	s.req.Clear()
	s.body = Body{}
	s.res.clear()
	in := s.in
	if cap(in) > bufpool.Small {
		bufpool.Put(in)
		in = nil
	}
	s.conn, s.q, s.in, s.r, s.w, s.ended, s.early, s.prioritized, s.leads, s.turn = nil, nil, in, 0, 0, false, false, false, false, 0
	s.received.Store(0)
	s.heading.Store(false)
	s.meter.clear()
	s.cause.Store(nil)
	s.reset, s.aborts = nil, nil
}

// abandoned ends a request whose handler has ended its goroutine.
func (s *Stream) abandoned() {
	s.res.Complete()
	s.Abort(InternalError, nil)
	s.over()
}

// over is the end of the stream's goroutine.
func (s *Stream) over() {
	c := s.conn
	s.heading.Store(false)
	s.mu.Lock()
	aborts := s.aborts
	s.aborts = nil
	s.mu.Unlock()
	if aborts != nil && !aborts() {
		s.kept = true // it is being told, or was: what it is told with is this stream
	}
	c.mu.Lock()
	c.removeLocked(s)
	end := c.endingLocked()
	c.mu.Unlock()
	c.handler.Ended(s)
	if !s.kept {
		s.clear()
		c.handler.Recycle(s)
	}
	if end {
		c.goAwayAgain()
	}
}

func (c *Conn) broken(v any) {
	c.handler.Broken(v)
	c.lost(httpcommon.ErrRequestAborted)
	c.quic.Close(InternalError, "")
}

// Abort resets the stream with a code, from any goroutine; cause is for those who wait, nil stands for the reset itself.
func (s *Stream) Abort(code ErrCode, cause error) {
	reset := &ResetError{Code: code}
	s.mu.Lock()
	if s.reset != nil || s.res.ended {
		s.mu.Unlock()
		return
	}
	s.reset = reset
	if cause == nil {
		cause = reset
	}
	s.cause.CompareAndSwap(nil, &cause)
	q := s.q
	s.mu.Unlock()
	q.CancelRead(code)
	q.CancelWrite(code)
}

// lose gives a request up whose connection is over.
func (s *Stream) lose(cause error) { s.cause.CompareAndSwap(nil, &cause) }

// Cause is why the request was given up; nil when it was not.
func (s *Stream) Cause() error {
	if p := s.cause.Load(); p != nil {
		return *p
	}
	return nil
}

// failed turns an error of QUIC into why the request is over. A reset by the client is one cause for reading, writing and OnAborted.
func (s *Stream) failed(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if cause := s.Cause(); cause != nil {
			return cause
		}
		return os.ErrDeadlineExceeded
	}
	if s.cause.CompareAndSwap(nil, &err) {
		var reset *ResetError
		if errors.As(err, &reset) && reset.Remote {
			if e := s.conn.spend(abuseReset); e != nil {
				s.conn.fail(e)
			}
		}
	}
	return s.Cause()
}

// OnAborted calls fn, once and on any goroutine, when the request is given up: at once when it already is. It is asked for once for a
// request. The client's leaving is seen by its not taking the response (STOP_SENDING), or by the connection's end.
func (s *Stream) OnAborted(fn func(error)) {
	s.mu.Lock()
	q := s.q
	ended := s.res.ended
	s.mu.Unlock()
	if cause := s.Cause(); cause != nil {
		fn(cause)
		return
	}
	if ended {
		return
	}
	stop := q.OnAborted(func(err error) { fn(s.failed(err)) })
	s.mu.Lock()
	s.aborts = stop
	s.mu.Unlock()
}

// SetReadDeadline and SetWriteDeadline bound reading the body and writing the response, until the handler returns. A write that was cut
// by its deadline leaves a stream that can only be reset.
func (s *Stream) SetReadDeadline(t time.Time)  { _ = s.q.SetReadDeadline(t) }
func (s *Stream) SetWriteDeadline(t time.Time) { _ = s.q.SetWriteDeadline(t) }

// Unmeter takes the request out of the measurement of its body.
func (s *Stream) Unmeter() { s.meter.unmetered.Store(true) }
