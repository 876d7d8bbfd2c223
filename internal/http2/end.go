package http2

import (
	"errors"
	"time"
)

// errOver is why nothing is written on a connection that has ended well.
var errOver = errors.New("http2: the connection is over")

// Drain makes the streams that are open the last: the client is told twice, so that those on their way are still served
// (RFC 9113 §6.8). It is safe to call from any goroutine, and again.
func (c *Conn) Drain() {
	c.mu.Lock()
	if c.draining || c.gone != nil {
		c.mu.Unlock()
		return
	}
	c.draining, c.drainedAt = true, c.now
	c.outLocked()
	c.out = appendGoAway(c.out, maxWindow, NoError)
	c.flushAndUnlock()
	c.handler.Wake()
}

// goAwayLocked is the last GOAWAY.
func (c *Conn) goAwayLocked(code ErrCode) {
	if c.final && code == NoError || c.gone != nil {
		return
	}
	if !c.final { // RFC 9113 §6.8: a second one must not name a higher stream
		c.final, c.served = true, c.lastID
	}
	c.outLocked()
	c.out = appendGoAway(c.out, c.served, code)
}

// Lose gives the connection up: nothing more is written, and every request is aborted with the cause. It is safe to call from any
// goroutine. The owner ends the connection below, which the reader then finds.
func (c *Conn) Lose(cause error) { c.lost(cause) }

// lost ends all streams. What is rendered already may still be written.
func (c *Conn) lost(cause error) {
	c.mu.Lock()
	if c.gone != nil {
		c.mu.Unlock()
		return
	}
	why := cause
	if e, ok := cause.(*connError); ok {
		why = e.request()
	}
	c.gone = why
	var all []after
	var streams []*Stream
	for s := range c.streams.all() {
		streams = append(streams, s)
	}
	for _, s := range streams {
		if s.reset != nil {
			continue
		}
		s.reset = &ResetError{Code: Cancel}
		if s.cause == nil {
			s.cause = why
		}
		all = append(all, c.dropLocked(s))
	}
	c.mu.Unlock()
	for _, a := range all {
		a.run(c)
	}
}

// end is the reader's last: what is rendered is written, if the connection ends well, and all streams are over.
func (c *Conn) end(next Next) Next {
	if next == Close {
		c.mu.Lock()
		c.processing = false
		c.flushAndUnlock()
		c.AwaitWriter()
	}
	c.lost(errOver)
	c.headLost(c.Ended())
	return next
}

// AwaitWriter waits until nobody writes to the wire. It is for the reader.
func (c *Conn) AwaitWriter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing {
		c.idleWrite.Wait()
	}
}

// Finished is called by the reader when it has closed the connection. It reports whether no handler runs any more; if not,
// Handler.LastReturned will be called.
func (c *Conn) Finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing {
		c.idleWrite.Wait() // it fails, since the connection is closed
	}
	c.finished = true
	c.releaseLocked()
	return c.running == 0
}

// Tick is called once a second with a coarse time, from any goroutine.
func (c *Conn) Tick(now int64) {
	c.mu.Lock()
	if c.gone != nil || c.dead != nil {
		c.mu.Unlock()
		return
	}
	elapsed := time.Duration(now - c.now)
	c.now = now
	c.refillLocked(elapsed)
	c.resets.expire(now)
	if c.draining && !c.final && now-c.drainedAt > int64(drainTime) {
		c.goAwayLocked(NoError)
	}
	if c.dead = c.tooSlowLocked(elapsed); c.dead == nil {
		c.dead = c.pingLocked(now)
	}
	dead := c.dead != nil
	c.flushAndUnlock()
	if dead {
		c.handler.Wake()
	}
}

// drainTime is how long streams are accepted after the first GOAWAY: what was on its way has come by then.
const drainTime = time.Second

// pingLocked sends a PING after silence, and finds out that it has no answer.
func (c *Conn) pingLocked(now int64) *ConnectionError {
	l := &c.cfg.Limits
	if c.hearing {
		c.hearing, c.heard = false, now
	}
	switch {
	case l.KeepAlivePingDelay <= 0:
	case c.pinged != 0:
		if now-c.pinged > int64(l.KeepAlivePingTimeout) {
			return errKeepAlivePing
		}
	case now-c.heard > int64(l.KeepAlivePingDelay):
		c.pinged = now
		c.outLocked()
		c.out = append(appendFrameHead(c.out, 8, framePing, 0, 0), keepAlivePing...)
	}
	return nil
}
