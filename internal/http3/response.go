package http3

import (
	"io"
	"slices"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Response is the answer to a request. Body bytes are held back until they exceed Limits.MaxResponseBufferSize, Flush, or the end
// of the request; a response held back whole gets a Content-Length. It belongs to the handler's goroutine, but for writing on the
// stream, which reading the body may do, too (100-continue).
type Response struct {
	stream      *Stream
	status      int
	header      httpcommon.Headers
	trailer     httpcommon.Headers
	held        []byte
	out         []byte // frames that are being made; its memory is kept
	started     bool
	wrote       bool
	overrun     bool
	bodyless    bool
	ended       bool  // the end is written; guarded by the stream's mu
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
	*r = Response{header: r.header, trailer: r.trailer, held: smallOrNone(r.held), out: smallOrNone(r.out),
		onStarting: r.onStarting[:0], onCompleted: r.onCompleted[:0]}
}

// smallOrNone gives large memory back.
func smallOrNone(b []byte) []byte {
	if cap(b) > bufpool.Small {
		bufpool.Put(b)
		return nil
	}
	return b[:0]
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
	if err := r.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// copyBelow is the size up to which writes to a response that has started are gathered, in bytes.
const copyBelow = 16 << 10

func (r *Response) room(n int) bool {
	return n <= r.stream.conn.cfg.Limits.MaxResponseBufferSize-len(r.held)
}

func (r *Response) hold(p []byte) { r.held = append(bufpool.Grown(r.held, len(p)), p...) }

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
	return r.send(nil)
}

// SendFrom appends what reader yields.
func (r *Response) SendFrom(reader io.Reader) (int64, error) { return bufpool.Copy(r, reader) }

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
	return r.stream.write(appendInterim(nil, status, h))
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

// start fixes the header section of a response that is not whole. It leaves with the first bytes of the body.
func (r *Response) start(next int64) error {
	if err := r.prepare(next); err != nil || r.started {
		return r.err
	}
	if cause := r.stream.Cause(); cause != nil {
		return r.fail(cause)
	}
	r.render(false)
	if r.left >= 0 && !r.bodyless {
		r.left -= int64(len(r.held))
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

func (r *Response) fail(err error) error {
	if r.err == nil {
		r.err = err
	}
	return r.err
}

// send sends the head, if it is due, what is held and p, in DATA frames.
func (r *Response) send(p []byte) error {
	n := len(r.held) + len(p)
	if n > 0 {
		r.out = appendFrameHead(r.out, frameData, uint64(n))
		r.bodySize += int64(n)
	}
	if len(r.out) == 0 {
		return nil
	}
	out := r.out
	if n <= copyBelow {
		out = append(append(bufpool.Grown(out, n), r.held...), p...)
		p = nil
	} else if len(r.held) > 0 {
		out = append(bufpool.Grown(out, len(r.held)), r.held...)
	}
	err := r.stream.write(out)
	r.out, r.held = smallOrNone(out), r.held[:0]
	for err == nil && len(p) > 0 {
		k := min(len(p), maxPiece)
		err = r.stream.write(p[:k])
		p = p[k:]
	}
	if err != nil {
		return r.fail(err)
	}
	return nil
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
	_, err := s.q.WriteCounted(p, s.conn.took)
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
	s.res.complete()
}

// conclude completes the response, or answers the application's failure, without sending what is left.
func (s *Stream) conclude(err error) {
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
}

// unsent is how many bytes of the body are held back by a response that has not started; what is held back later was counted.
func (s *Stream) unsent() int64 {
	if s.res.started {
		return 0
	}
	return int64(len(s.res.held))
}

// finish sends what is left of the response, and ends both directions. One that fails to be sent is reset.
func (s *Stream) finish() {
	r := &s.res
	var err error
	if s.Cause() == nil {
		err = r.sendRest()
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

// sendRest sends what has not been sent, in one write if it is small.
func (r *Response) sendRest() error {
	if !r.started {
		r.render(true)
	}
	if r.bodyless {
		r.swallowed += int64(len(r.held))
		r.held = r.held[:0]
	}
	if r.trailer.Len() == 0 {
		return r.send(nil)
	}
	if err := r.send(nil); err != nil {
		return err
	}
	out := appendTrailers(r.out, &r.trailer)
	r.bodySize += int64(len(out))
	err := r.stream.write(out)
	r.out = smallOrNone(out)
	return err
}

// assemble makes what is left of the response, if that is short: it can be written as it is.
func (r *Response) assemble() bool {
	if !r.started {
		r.render(true)
	}
	if r.bodyless {
		r.swallowed += int64(len(r.held))
		r.held = r.held[:0]
	}
	n := len(r.held)
	if r.trailer.Len() > 0 || n > copyBelow {
		return false
	}
	if n > 0 {
		r.out = appendFrameHead(r.out, frameData, uint64(n))
		r.out = append(bufpool.Grown(r.out, n), r.held...)
		r.bodySize += int64(n)
		r.held = r.held[:0]
	}
	return true
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
		s.Abort(InternalError, nil)
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
