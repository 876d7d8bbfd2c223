package http3

import (
	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// Response is the answer to a request. It belongs to the handler's goroutine, but for writing on the stream, which reading the body may do,
// too (100-continue).
type Response struct {
	muxcommon.Response
	out   []byte // frames that are being made; its memory is kept
	ended bool   // the end is written; guarded by the stream's mu
}

func (r *Response) clear() {
	r.Clear()
	r.out, r.ended = muxcommon.SmallOrNone(r.out), false
}

// sender is Stream as what its Response asks of the engine.
type sender Stream

var _ muxcommon.Engine = (*sender)(nil)

// Start implements muxcommon.Engine, as do those that follow. The head leaves with the first bytes of the body.
func (e *sender) Start() error {
	s := (*Stream)(e)
	if cause := s.Cause(); cause != nil {
		return cause
	}
	s.res.render(s.conn.cfg, false)
	return nil
}

func (e *sender) Send(p []byte) error { return (*Stream)(e).send(p) }

func (e *sender) Interim(status int, h *httpcommon.Headers) error {
	return (*Stream)(e).write(appendInterim(nil, status, h))
}

func (e *sender) Cause() error     { return (*Stream)(e).Cause() }
func (e *sender) Break()           { (*Stream)(e).Abort(InternalError, nil) }
func (e *sender) Failed(err error) { e.conn.handler.Failed((*Stream)(e), err) }

func (e *sender) Rejected(bad *httpcommon.BadRequestError) *Answer {
	return e.conn.handler.Rejected((*Stream)(e), bad)
}

// send sends the head, if it is due, what is held and p, in DATA frames.
func (s *Stream) send(p []byte) error {
	r := &s.res
	held := r.Buffered()
	n := len(held) + len(p)
	if n > 0 {
		r.out = appendFrameHead(r.out, frameData, uint64(n))
		r.BodySize += int64(n)
	}
	if len(r.out) == 0 {
		return nil
	}
	out := r.out
	if n <= muxcommon.CopyBelow {
		out = append(append(bufpool.Grown(out, n), held...), p...)
		p = nil
	} else if len(held) > 0 {
		out = append(bufpool.Grown(out, len(held)), held...)
	}
	err := s.write(out)
	r.out = muxcommon.SmallOrNone(out)
	r.ResetBuffer()
	for err == nil && len(p) > 0 {
		k := min(len(p), maxPiece)
		err = s.write(p[:k])
		p = p[k:]
	}
	return err
}

// maxPiece is how much of a response is measured at a time against the least data rate, in bytes.
const maxPiece = 64 << 10

// write writes on the stream.
func (s *Stream) write(p []byte) error {
	s.goOn()
	if cause := s.Cause(); cause != nil {
		return cause
	}
	s.writing(len(p))
	_, err := s.q.Write(p)
	s.wrote()
	if err != nil {
		return s.failed(err)
	}
	return nil
}

// settle answers a request that the application does not see.
func (s *Stream) settle(err error) {
	s.conclude(err)
	s.finish()
	s.res.Complete()
}

// conclude completes the response, or answers the application's failure, without sending what is left.
func (s *Stream) conclude(err error) { s.res.Conclude(err, &s.body.Body) }

// finish sends what is left of the response, and ends both directions. One that fails to be sent is reset.
func (s *Stream) finish() {
	r := &s.res
	var err error
	if s.Cause() == nil {
		err = s.sendRest()
	}
	s.mu.Lock()
	r.ended = true
	reset := s.reset != nil
	s.mu.Unlock()
	switch {
	case reset: // by Abort, which has told the client
	case s.Cause() != nil || err != nil:
		s.abandon(RequestCancelled)
	default:
		_ = s.q.Close()
		if !s.ended || s.r < s.w {
			s.q.CancelRead(NoError) // RFC 9114 §4.1: the answer is whole, the rest of the request is not wanted
		}
	}
}

// complete renders the head, if that is due, and drops what is not sent.
func (s *Stream) complete() {
	r := &s.res
	if !r.Started() {
		r.render(s.conn.cfg, true)
	}
	r.Swallow()
}

// sendRest sends what has not been sent, in one write if it is small. Its error is the response's.
func (s *Stream) sendRest() error {
	r := &s.res
	s.complete()
	if err := s.send(nil); err != nil {
		return r.Fail(err)
	}
	if r.Trailers().Len() == 0 {
		return nil
	}
	out := appendTrailers(r.out, r.Trailers())
	r.BodySize += int64(len(out))
	err := s.write(out)
	r.out = muxcommon.SmallOrNone(out)
	return err
}

// assemble makes what is left of the response, if that is short: it can be written as it is.
func (s *Stream) assemble() bool {
	r := &s.res
	s.complete()
	held := r.Buffered()
	n := len(held)
	if r.Trailers().Len() > 0 || n > muxcommon.CopyBelow {
		return false
	}
	if n > 0 {
		r.out = appendFrameHead(r.out, frameData, uint64(n))
		r.out = append(bufpool.Grown(r.out, n), held...)
		r.BodySize += int64(n)
		r.ResetBuffer()
	}
	return true
}
