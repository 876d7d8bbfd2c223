package http1

import (
	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// serve runs one request whose head has been taken out of the input.
func (c *Conn) serve() Next {
	c.disarm()
	c.closeAfter = false
	c.body.begin(&c.req)
	c.mu.Lock()
	c.serving, c.inputIdle = true, c.body.done
	c.mu.Unlock()
	err := c.handler.Serve()
	c.unwatch()
	if c.taken {
		c.completed()
		if c.observer != nil {
			c.observer.Ended(c.Report(), Taken)
		}
		return Taken
	}
	c.settle(err)
	c.completed()
	next := c.conclude()
	if c.observer != nil {
		next = c.ended(next)
	}
	if next == More {
		c.nextRequest()
	}
	return next
}

// Abandon ends a request whose handler will never return to Process, because it ended the goroutine.
func (c *Conn) Abandon() {
	c.unwatch()
	c.completed()
}

// settle completes the response, or answers the application's failure.
func (c *Conn) settle(err error) {
	s := &c.res
	if err == nil && c.body.err != nil && !s.started && !s.wrote && s.status == 200 {
		err = c.body.err // the application returned without an answer: the client's fault is the answer
	}
	if err == nil {
		err = s.finish()
		if err == nil {
			c.closeAfter = c.closeAfter || c.body.err != nil
			return
		}
		c.handler.Failed(err)
		if err == errTooFewBytes && !s.wrote {
			c.takeBack()
		}
	}
	switch {
	case c.lostCause() != nil:
	case s.started:
		c.closeAfter = true
		s.err = nil
		if !s.whole() {
			s.err = err
		}
	default:
		c.answerFailure(err)
	}
}

// answerFailure replaces a response that has not started: by the status of the client's fault, or by 500.
func (c *Conn) answerFailure(err error) {
	s := &c.res
	overrun := s.overrun
	bad, ok := httpcommon.AsBadRequest(err)
	if !ok {
		c.closeAfter = c.body.err != nil || overrun
		s.replace(500)
	} else {
		answer := c.handler.Rejected(bad, c.Report())
		c.closeAfter = true
		s.replace(bad.Status)
		if bad.Status < 200 || bad.Status > 999 {
			s.status = 500 // the application's own mistake in naming the client's
		}
		if bad.Allow != "" {
			s.header.Set("Allow", bad.Allow)
		}
		if answer != nil {
			s.apply(answer)
		}
	}
	_ = s.finish() // an empty answer; a broken connection shows at the flush
}

// takeBack undoes a header section that has been rendered and not sent.
func (c *Conn) takeBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.res.started && c.res.at != sent {
		c.res.started = false
		c.out = c.out[:c.res.at]
	}
}

// completed runs OnCompleted. What is waiting is sent first: the functions are told that the response is out.
func (c *Conn) completed() {
	if len(c.res.onCompleted) == 0 {
		return
	}
	if !c.taken {
		_ = c.flush(nil) // an error shows again in conclude
	}
	c.res.completed()
}

// conclude flushes, drains the body and decides whether the connection goes on.
func (c *Conn) conclude() Next {
	if c.lostCause() != nil {
		return Abort
	}
	if c.res.err != nil && c.res.started {
		_ = c.flush(nil)
		return Abort // no end of the response: the client must see that it is cut
	}
	if !c.body.done {
		if err := c.flush(nil); err != nil {
			return Abort
		}
		if c.keepAlive() && !c.drain() {
			c.closeAfter = true
		}
	}
	if c.keepAlive() {
		return More
	}
	if err := c.flush(nil); err != nil {
		return Abort
	}
	if !c.body.done || c.buffered() > 0 {
		return Linger
	}
	return Close
}

// drain reads what the application left of the body and reports whether the connection can go on.
func (c *Conn) drain() bool {
	if c.body.drain() {
		return true
	}
	if bad, ok := httpcommon.AsBadRequest(c.body.err); ok {
		c.handler.Drained(bad) // for the log: its answer has been sent
	}
	return false
}

// keepAlive is RFC 9112 §9.3, as far as it is known by now.
func (c *Conn) keepAlive() bool {
	q := &c.req
	switch {
	case c.closeAfter, q.close, c.draining.Load():
		return false
	case q.conflicted && !c.cfg.Compat.KeepAliveAfterCLTE, q.minor == 0 && q.hasTE:
		return false
	case c.body.awaiting:
		return false // it may send the body, or not: what comes next cannot be told apart
	case q.minor == 0:
		return q.keepAlive && (c.res.framing == framingLength || c.res.framing == framingNone)
	}
	return true
}

func (c *Conn) nextRequest() {
	c.req.reset()
	c.res.reset()
	c.head.reset()
	if c.memory != nil {
		bufpool.Put(c.memory)
		c.memory = nil
	}
}

// Take hands the connection to the application: what waits to be written is written, and Process will return Taken.
func (c *Conn) Take() (buffered []byte, err error) {
	if c.taken {
		return nil, errTaken
	}
	c.unwatch()
	if err := c.flush(nil); err != nil {
		return nil, err
	}
	c.taken = true
	c.disarm()
	buffered = c.Unread()
	c.r = c.w
	return buffered, nil
}
