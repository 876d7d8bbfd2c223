package muxcommon

import (
	"io"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Engine is what a Response asks of the engine that has its stream. The calls come on the handler's goroutine, without locks.
type Engine interface {
	// Start renders the head of a response that goes on behind it (Response.BeginHead), or says why the stream is over.
	Start() error
	// Send sends the head, if it waits, what is buffered, and p, and waits until p may be used again. Afterwards nothing is buffered.
	Send(p []byte) error
	// Interim sends a 1xx response. h may be nil.
	Interim(status int, h *httpcommon.Headers) error
	// Cause is why the stream was given up; nil when it was not. Break resets it, because of a mistake of ours.
	Cause() error
	Break()
	// Failed tells the owner of an error in a response, or of a panic in a callback. Rejected tells of a client's fault that becomes the
	// answer, and returns the owner's own, nil for none.
	Failed(error)
	Rejected(*httpcommon.BadRequestError) *httpcommon.Answer
}

// Response is the answer to a request. Body bytes are held back until they exceed the buffer's size, Flush, or the end of the request; a
// response held back whole gets a Content-Length. It belongs to the handler's goroutine.
type Response struct {
	// HeadSize and BodySize count the frames of the header section, and of the body with the trailers, in bytes. The engine sets them.
	HeadSize int
	BodySize int64

	engine      Engine
	head        *httpcommon.Head // of the request
	buffer      int              // how much may be held back
	status      int
	header      httpcommon.Headers
	trailer     httpcommon.Headers
	held        []byte
	started     bool
	wrote       bool
	bodyless    bool
	left        int64 // of a Content-Length; -1 for none
	err         error // sticky
	swallowed   int64
	onStarting  []func()
	onCompleted []func()
}

// Init makes r the response to a request. buffer is how much of a body is held back, in bytes.
func (r *Response) Init(engine Engine, head *httpcommon.Head, buffer int) {
	r.engine, r.head, r.buffer = engine, head, buffer
	r.status, r.left = 200, -1
}

// Clear forgets the response and keeps memory for the next one.
func (r *Response) Clear() {
	r.header.Reset()
	r.trailer.Reset()
	clear(r.onStarting)
	clear(r.onCompleted)
	*r = Response{header: r.header, trailer: r.trailer, held: SmallOrNone(r.held), onStarting: r.onStarting[:0], onCompleted: r.onCompleted[:0]}
}

// SmallOrNone returns b without content, or nil when its memory is large: that goes back to the pool.
func SmallOrNone(b []byte) []byte {
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
			return 0, r.Fail(httpcommon.ErrContentLength)
		}
		r.left -= int64(len(p))
	}
	if len(p) < CopyBelow && r.room(len(p)) {
		r.hold(p)
		return len(p), nil
	}
	if err := r.engine.Send(p); err != nil {
		return 0, r.Fail(err)
	}
	return len(p), nil
}

// CopyBelow is the size up to which writes to a response that has started are gathered, in bytes.
const CopyBelow = 16 << 10

func (r *Response) room(n int) bool { return n <= r.buffer-len(r.held) }

func (r *Response) hold(p []byte) { r.held = append(bufpool.Grown(r.held, len(p)), p...) }

// Buffered is what is held back of the body, whether the response has started or not. ResetBuffer empties it when it was sent.
func (r *Response) Buffered() []byte { return r.held }
func (r *Response) ResetBuffer()     { r.held = r.held[:0] }

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
	if err := r.engine.Send(nil); err != nil {
		return r.Fail(err)
	}
	return nil
}

// SendFrom appends what reader yields.
func (r *Response) SendFrom(reader io.Reader) (int64, error) { return bufpool.Copy(r, reader) }

// SendInterim sends a 1xx response at once (RFC 9110 §15.2).
func (r *Response) SendInterim(status int, h *httpcommon.Headers) error {
	switch {
	case r.err != nil:
		return r.err
	case r.started:
		return httpcommon.ErrStarted
	case status < 100 || status > 199 || status == 101:
		return nil
	}
	return r.engine.Interim(status, h)
}

// Fail makes err what later calls return, unless there is such an error already. It returns that which counts.
func (r *Response) Fail(err error) error {
	if r.err == nil {
		r.err = err
	}
	return r.err
}
