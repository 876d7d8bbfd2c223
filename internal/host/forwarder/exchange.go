package forwarder

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/lannerhq/lanner/server"
)

// exchange is one request on its way to the worker and back. The goroutine in Forward owns it; what others may touch is
// marked.
type exchange struct {
	u   *Upstream
	f   *server.Features
	req server.RequestFeature
	res server.ResponseFeature
	by  Request

	// Guarded by u.mu. c is written by the owner only.
	entered    bool // in u.active, at index
	index      int
	started    int64 // Forwarder.now
	c          *conn
	cause      error  // of the abort
	uploadErr  error  // the client broke its body off
	cancelDial func() // ends a connection attempt that takes long
	watchAsked bool   // the heartbeat has woken the owner to watch the client
	poked      bool   // somebody has set a deadline
	tunneling  bool
	cancel     context.CancelCauseFunc // ends a request over HTTP/2; nil for HTTP/1.1

	// The request.
	out        []byte // memory of its head
	tx         outgoing
	connection []string // values of Connection fields
	pieceAt    int      // where in tx.b body bytes begin
	left       int64    // body bytes not yet read from the client; -1 unknown
	idempotent bool
	expect     bool   // the worker decides whether the client shall send its body
	upgrade    string // what the client's connection may become; "" for nothing
	key        string // Sec-WebSocket-Key of a request that had none (RFC 8441)

	// The response.
	head         responseHead
	framing      framing
	interims     int
	answered     bool // bytes of a response were received
	verdict      error
	watched      bool // OnAborted was called
	answering    bool // status and fields were handed to the server, which had fieldsBefore
	fieldsBefore int
	wrote        bool // so were bytes of the body, which cannot be taken back
	failed       bool
	reuse        bool // the connection is as good as new

	// The upload, see upload.go.
	upload     uploadState
	since      atomic.Int64 // the owner has been waiting for the worker since then; 0 when it is not
	continueAt atomic.Int64 // when to send the body without having been told to; 0 for never
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func newExchange(u *Upstream, f *server.Features, r Request) *exchange {
	x := exchanges.Get().(*exchange)
	x.u, x.f, x.by = u, f, r
	x.req, _ = server.Get[server.RequestFeature](f)
	x.res, _ = server.Get[server.ResponseFeature](f)
	return x
}

// maxKeptHead is the size up to which the memory of a request's head is kept for the next one.
const maxKeptHead = 8 << 10

// end gives everything back that the exchange holds, also when a feature panicked.
func (x *exchange) end() {
	x.abandonUpload()
	x.u.leave(x, x.reuse)
	x.tx.drop()
	if x.watched {
		return // the server still knows x
	}
	x.recycle()
}

func (x *exchange) recycle() {
	out, connection, fields := x.out[:0], x.connection, x.head
	if cap(out) > maxKeptHead {
		out = nil
	}
	clear(connection)
	fields.reset()
	x.u, x.f, x.req, x.res, x.by = nil, nil, nil, nil, Request{}
	x.index, x.started, x.cause, x.uploadErr, x.cancelDial = 0, 0, nil, nil, nil
	x.watchAsked, x.poked, x.tunneling, x.cancel = false, false, false, nil
	x.out, x.tx, x.connection, x.pieceAt, x.left = out, outgoing{}, connection[:0], 0, 0
	x.idempotent, x.expect, x.upgrade, x.key = false, false, "", ""
	x.head, x.framing, x.interims, x.answered, x.verdict = fields, framing{}, 0, false, nil
	x.watched, x.answering, x.fieldsBefore, x.wrote, x.failed, x.reuse = false, false, 0, false, false, false
	x.upload.reset()
	x.since.Store(0)
	x.continueAt.Store(0)
	exchanges.Put(x)
}

// run forwards the request and returns what Forward returns.
func (x *exchange) run() error {
	err := x.forward()
	if err == nil {
		return nil
	}
	if x.answering && !x.wrote && !x.res.Started() {
		x.takeBack()
	}
	var broken *UpstreamError
	if errors.As(err, &broken) {
		x.failed = true
		if x.wrote { // what came before the failure belongs to the client
			_ = x.res.Flush()
		}
		broken.RequestSent = x.tx.any
		broken.ResponseStarted = x.wrote || x.res.Started()
		if broken.Retryable() {
			x.putBack()
		}
	}
	return err
}

func (x *exchange) forward() error {
	if err := x.render(); err != nil {
		return err
	}
	if x.u.http2 != nil && x.upgrade == "" {
		return x.forwardHTTP2()
	}
	if err := x.readAhead(); err != nil {
		return err
	}
	for fresh := false; ; {
		if err := x.u.enter(x, fresh); err != nil {
			return err
		}
		err := x.ask()
		if err == nil {
			return x.answer()
		}
		if !x.again(err) {
			return x.broken(err)
		}
		x.u.logRetry(x.req.Method(), err)
		fresh = !errors.Is(err, errStale) && !errors.Is(err, errUnsolicited)
		x.tx.sent = 0
		x.u.discard(x)
	}
}

// ask sends the request and waits for the head of the response.
func (x *exchange) ask() error {
	x.c.send(&x.tx)
	if x.left != 0 {
		if x.expect {
			x.continueAt.Store(x.u.fw.now() + int64(x.u.opts.ContinueTimeout))
		} else {
			if err := x.wait(true); err != nil {
				return err
			}
			x.startUpload()
		}
	}
	return x.awaitHead()
}

// again decides whether the request is sent again on another connection. DESIGN.md gives the reasons.
func (x *exchange) again(err error) bool {
	switch {
	case errors.Is(err, errUnsolicited):
		x.u.logUnsolicited(1)
		return true
	case errors.Is(err, errStale):
		return true
	case x.verdict != nil, x.answered, x.upload.running, !x.c.reused, !isLost(err):
		return false
	}
	return x.tx.sent == 0 && !x.tx.dropped || x.idempotent && x.left == 0
}

// isLost reports whether err says that the worker closed or reset the connection.
func isLost(err error) bool {
	var errno syscall.Errno
	return errors.Is(err, io.EOF) || errors.As(err, &errno) && isReset(errno)
}

func (x *exchange) stage() Stage {
	switch {
	case x.framing.kind != framingUnknown:
		return StageBody
	case !x.tx.done():
		return StageSend
	}
	return StageWait
}

// broken makes the error for what ended the exchange with the worker.
func (x *exchange) broken(err error) error {
	if x.verdict != nil {
		return x.verdict
	}
	e := &UpstreamError{Stage: x.stage(), Status: 502, Reason: ReasonConnectionLost, Worker: x.u.addr, Err: err}
	if errors.Is(err, io.EOF) {
		e.Err = errors.New("it closed the connection")
		if x.answered {
			e.Err = errors.New("it closed the connection in the middle of its response")
		}
	}
	var invalid *invalidResponse
	if errors.As(err, &invalid) || errors.Is(err, errFull) {
		e.Reason = ReasonInvalidResponse
	}
	return e
}
