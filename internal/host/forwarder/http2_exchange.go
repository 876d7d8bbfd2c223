package forwarder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"

	"github.com/lannerhq/lanner/server"
)

// stream is a request on its way over HTTP/2, and what the library's goroutines tell of it.
type stream struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	stage    atomic.Uint32 // a Stage
	reused   atomic.Bool   // the connection had been there before
	conn     atomic.Pointer[http2Conn]
	body     *clientBody // nil: the request has none
	interims interimRelay
}

// Causes of the end of a request's context, besides the client's.
var (
	errSilent = errors.New("the worker was silent")
	errShut   = errors.New("the upstream was closed")
)

// forwardHTTP2 takes the place of what forward does over HTTP/1.1. The head is the same: it has been rendered.
func (x *exchange) forwardHTTP2() error {
	s := new(stream)
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	defer s.cancel(nil)
	if err := x.join(s); err != nil {
		return err
	}
	x.watch() // over HTTP/2 nothing else would tell that the client has gone
	s.interims.x = x
	if x.left != 0 {
		s.body = newClientBody(x, s)
	}
	defer x.endStream(s)
	res, err := x.roundTrip(s)
	if err != nil {
		return x.brokenStream(s, err)
	}
	s.stage.Store(uint32(StageBody))
	err = x.answerHTTP2(s, res)
	x.endStream(s) // before Close, which waits for a read of the body
	if closed := res.Body.Close(); err == nil && closed != nil && s.ctx.Err() != nil {
		err = x.brokenStream(s, closed)
	}
	return err
}

// join makes x one of the running requests.
func (x *exchange) join(s *stream) error {
	u := x.u
	u.mu.Lock()
	first, err := u.joinLocked(x, u.fw.now())
	if err == nil {
		x.cancel, x.watchAsked = s.cancel, true
	}
	u.mu.Unlock()
	if first {
		u.fw.rouse()
	}
	return err
}

// cancelLocked ends a request over HTTP/2 that has a reason to end.
func (x *exchange) cancelLocked() {
	switch {
	case x.cause != nil:
		x.cancel(x.abandoned(x.cause))
	case x.u.state == Closed:
		x.cancel(errShut)
	case x.silent(x.u.fw.now()) >= x.u.opts.RequestTimeout:
		x.cancel(errSilent)
	}
}

// roundTrip sends the request and waits for the head of the response. Over a kept connection that turns out to be dead it is
// sent once more, by the rule for HTTP/1.1.
func (x *exchange) roundTrip(s *stream) (*http.Response, error) {
	req := x.http2Request(s)
	for again := false; ; again = true {
		res, err := x.u.http2.transport.RoundTrip(req)
		x.since.Store(0)
		x.tx.any = Stage(s.stage.Load()) >= StageWait
		if err == nil || again || !s.reused.Load() || !x.idempotent || x.left != 0 || s.ctx.Err() != nil || !isLostStream(err) {
			return res, err
		}
		x.u.logRetry(x.req.Method(), err)
		x.u.mu.Lock()
		x.u.stats.Retries++
		x.u.mu.Unlock()
		s.reused.Store(false)
		s.stage.Store(uint32(StageConnect))
	}
}

// trace follows the request on the library's goroutines.
func (x *exchange) trace(s *stream) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			s.reused.Store(info.Reused)
			if c, ok := info.Conn.(*http2Conn); ok {
				s.conn.Store(c)
			}
			s.stage.Store(uint32(StageSend))
			x.since.Store(x.u.fw.now())
		},
		WroteHeaders:   func() { s.stage.CompareAndSwap(uint32(StageSend), uint32(StageWait)) },
		Got1xxResponse: s.interims.got,
	}
}

// endStream ends what may still use the features of the request.
func (x *exchange) endStream(s *stream) {
	s.interims.close()
	if s.body != nil {
		s.body.end()
	}
}

// streamReset has the form of the library's error for a stream that was reset, which errors.As copies into it.
type streamReset struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamReset) Error() string {
	return fmt.Sprintf("the stream was reset with error code %d", e.Code)
}

// byPeer says that the worker did it, and not the library because of what it had received.
func (e streamReset) byPeer() bool { return e.Cause != nil && e.Cause.Error() == "received from peer" }

// isLostStream reports whether err says that the connection has ended.
func isLostStream(err error) bool {
	var reset streamReset
	return isLost(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		!errors.As(err, &reset) && err.Error() == "http2: client connection lost"
}

// brokenStream makes the error for what ended the exchange over HTTP/2. A stream that the worker reset after the response has
// started is reset for the client as well, with the same code.
func (x *exchange) brokenStream(s *stream, err error) error {
	stage := Stage(s.stage.Load())
	x.tx.any = stage >= StageWait
	e := &UpstreamError{Stage: stage, Status: 502, Reason: ReasonConnectionLost, Worker: x.u.addr, Err: err}
	var failed *dialFailed
	var reset streamReset
	var syntax textproto.ProtocolError
	switch cause := context.Cause(s.ctx); {
	case x.verdict != nil:
		return x.verdict
	case cause == errSilent:
		e.Status, e.Reason, e.Err = 504, ReasonTimeout, fmt.Errorf("it was silent for %v", x.u.opts.RequestTimeout)
	case cause == errShut:
		x.tx.any = stage >= StageSend // the library tells of what it has written later than the worker may have it
		e.Reason, e.Err = ReasonClosed, errors.New("its upstream was closed while the request ran")
	case cause != nil:
		return cause
	case errors.As(err, &failed):
		return x.u.dialError(failed.error)
	case s.speaksHTTP1():
		x.tx.any = true // it would answer so again
		e.Reason, e.Err = ReasonInvalidResponse, errHTTP1
	case errors.As(err, &reset) && reset.byPeer():
		e.Reason, e.Err = ReasonStreamReset, reset
		x.passReset(reset.Code)
	case errors.As(err, &reset), errors.As(err, &syntax):
		e.Reason = ReasonInvalidResponse
	case isLost(err):
		e.Err = errors.New("it closed the connection")
	}
	return e
}

// errHTTP1 is for a program that does not know HTTP/2.
var errHTTP1 = errors.New("it answers in HTTP/1.1 to HTTP/2 with prior knowledge (h2c): let the program speak that on its port, " +
	"or set the application's protocol to http")

func (s *stream) speaksHTTP1() bool {
	c := s.conn.Load()
	return c != nil && c.http1.Load()
}

// passReset resets the client's stream, if it has one and its response has started. What was written comes first.
func (x *exchange) passReset(code uint32) {
	if !x.wrote && !x.res.Started() {
		return
	}
	if feature, ok := server.Get[server.ResetFeature](x.f); ok && x.res.Flush() == nil {
		_ = feature.Reset(code) // if it cannot be, the server ends the response in its own way
	}
}
