package forwarder

import (
	"errors"
	"fmt"
	"time"

	"github.com/lannerhq/lanner/server"
)

// errContinue: the worker kept silent about an expectation for too long.
var errContinue = errors.New("no word about the expectation")

// wait waits until bytes have arrived, or with sendOnly until the request is sent. Whoever has something to tell the
// owner meanwhile pokes the connection.
func (x *exchange) wait(sendOnly bool) error {
	x.since.Store(x.u.fw.now())
	err := x.c.run(true, sendOnly)
	for err != nil && isPoke(err) {
		if err = x.wakened(); err == nil {
			err = x.c.run(true, sendOnly)
		}
	}
	x.since.Store(0)
	return err
}

// wakened finds out why the owner was poked. The deadline is cleared first, so that a poke from now on is a new one.
func (x *exchange) wakened() error {
	if x.upload.running {
		_ = x.c.nc.SetReadDeadline(time.Time{}) // the upload sees to the other one
	} else {
		x.c.clearDeadlines()
	}
	now := x.u.fw.now()
	x.u.mu.Lock()
	cause, uploadErr, isClosed, started := x.cause, x.uploadErr, x.u.state == Closed, x.started
	x.u.mu.Unlock()
	switch at := x.continueAt.Load(); {
	case cause != nil:
		x.verdict = x.abandoned(cause)
	case uploadErr != nil:
		x.verdict = uploadErr
	case isClosed:
		x.verdict = x.closed()
	case x.silent(now) >= x.u.opts.RequestTimeout:
		x.verdict = &UpstreamError{Stage: x.stage(), Status: 504, Reason: ReasonTimeout, Worker: x.u.addr,
			Err: fmt.Errorf("it was silent for %v", x.u.opts.RequestTimeout)}
	case at != 0 && now >= at:
		return errContinue
	case !x.watched && now-started > int64(tick) && x.upload.state.Load() == uploadNone:
		x.watch()
	}
	return x.verdict
}

func (x *exchange) closed() error {
	return &UpstreamError{Stage: x.stage(), Status: 502, Reason: ReasonClosed, Worker: x.u.addr,
		Err: errors.New("its upstream was closed while the request ran")}
}

func (x *exchange) abandoned(cause error) error {
	return fmt.Errorf("the request to the worker on %s was given up: %w", x.u.addr, cause)
}

// silent is how long the worker has been silent although it was its turn. It is not while the upload waits for the client.
func (x *exchange) silent(now int64) time.Duration {
	since := x.since.Load()
	if since == 0 || x.upload.state.Load() == uploadReading {
		return 0
	}
	return time.Duration(now - max(since, x.upload.moved.Load()))
}

// dueLocked reports whether the heartbeat shall wake the owner.
func (x *exchange) dueLocked(now int64) bool {
	if x.tunneling || x.c == nil && x.cancel == nil {
		return false
	}
	if !x.watchAsked && now-x.started > int64(tick) && x.upload.state.Load() == uploadNone {
		x.watchAsked = true
		return true
	}
	at := x.continueAt.Load()
	return at != 0 && now >= at || x.silent(now) >= x.u.opts.RequestTimeout
}

// pokeLocked wakes the owner when it waits for the worker, or will.
func (x *exchange) pokeLocked() {
	x.poked = true
	if x.cancel != nil {
		x.cancelLocked()
	}
	if x.c != nil {
		x.c.poke()
	}
}

// watch asks the server to tell when the client goes away. x is not recycled from then on.
func (x *exchange) watch() {
	x.watched = true
	if life, ok := server.Get[server.RequestLifetimeFeature](x.f); ok {
		life.OnAborted(x.abort)
	}
}

// watchDial does the same during a connection attempt.
func (x *exchange) watchDial(cancel func()) {
	x.u.mu.Lock()
	x.cancelDial = cancel
	x.u.mu.Unlock()
	if !x.watched {
		x.watch()
	}
}

// abort is called by the server, on any goroutine.
func (x *exchange) abort(cause error) {
	x.u.mu.Lock()
	defer x.u.mu.Unlock()
	if !x.entered || x.tunneling { // over; or the connection is ours, and shows by itself that the client has left
		return
	}
	x.cause = cause
	x.pokeLocked()
	if x.cancelDial != nil {
		x.cancelDial()
	}
}

// abortCause returns what to return for an aborted request, or nil.
func (x *exchange) abortCause() error {
	x.u.mu.Lock()
	defer x.u.mu.Unlock()
	if x.cause == nil {
		return nil
	}
	return x.abandoned(x.cause)
}
