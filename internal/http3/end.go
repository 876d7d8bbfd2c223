package http3

import (
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Drain makes the requests that are open the last: the client is told twice, so that those on their way are still served
// (RFC 9114 §5.2). It is safe to call from any goroutine, and again.
func (c *Conn) Drain() {
	c.mu.Lock()
	if c.draining || c.gone != nil {
		c.mu.Unlock()
		return
	}
	c.draining = true
	end := c.endingLocked()
	c.mu.Unlock()
	c.goAway(maxRequestID)
	if end {
		c.goAwayAgain()
	}
}

// maxRequestID is the largest id of a request's stream: a GOAWAY with it refuses none.
const maxRequestID = 1<<62 - 4

// drainTicks is how long streams are accepted after the first GOAWAY, in ticks, so that what was on its way has come by then. A drain may be
// begun just before a tick: two are a second at least.
const drainTicks = 2

// endingLocked reports whether the second GOAWAY is due: no request is open in a drain.
func (c *Conn) endingLocked() bool { return c.draining && c.active == 0 && c.gone == nil }

// goAwayAgain sends the second GOAWAY, if it was not sent, and ends the connection when no request is open.
func (c *Conn) goAwayAgain() {
	c.mu.Lock()
	first := !c.final && c.gone == nil
	c.final = true
	next := c.nextID
	if c.endingLocked() && c.linger == nil {
		c.linger = time.AfterFunc(c.lingerTime(), c.finish)
	}
	c.mu.Unlock()
	if first {
		c.goAway(next)
	}
}

// lingerTime is how long the connection stays open behind its last response: what was lost on the way is sent again within it. Clients
// close the connection themselves, sooner.
func (c *Conn) lingerTime() time.Duration {
	return min(max(4*c.quic.RTT(), minLinger), maxLinger)
}

const (
	minLinger = 100 * time.Millisecond
	maxLinger = 2 * time.Second
)

// finish closes a connection that has ended well.
func (c *Conn) finish() { c.quic.Close(NoError, "") }

// goAway sends GOAWAY on a goroutine of its own: the control stream has flow control, too.
func (c *Conn) goAway(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone == nil { // else Run may wait for the last goroutine already
		c.wg.Add(1)
		go c.sendGoAway(id)
	}
}

func (c *Conn) sendGoAway(id uint64) {
	defer c.wg.Done()
	c.controlMu.Lock()
	defer c.controlMu.Unlock()
	if c.control == nil || id >= c.wentAway { // RFC 9114 §5.2: it must not grow
		return
	}
	c.wentAway = id
	payload := appendVarint(nil, id)
	_, _ = c.control.Write(append(appendFrameHead(nil, frameGoAway, uint64(len(payload))), payload...)) // an error is the connection's end
}

// Lose gives the connection up: every request is aborted with the cause. It is safe to call from any goroutine.
func (c *Conn) Lose(cause error) {
	c.lost(cause)
	c.quic.Close(InternalError, "")
}

// lost ends all streams. What is open fails by itself when QUIC closes; this is why.
func (c *Conn) lost(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone != nil {
		return
	}
	c.gone = cause
	why := cause
	if e, ok := cause.(*ConnectionError); e == errStalled {
		why = httpcommon.ErrResponseTooSlow
	} else if ok {
		why = &httpcommon.BadRequestError{Status: 400, Reason: e.Reason, Detail: e.Detail}
	}
	for s := c.first; s != nil; s = s.next {
		s.lose(why)
	}
}

// Tick is called once a second with a coarse time, from any goroutine.
func (c *Conn) Tick(now int64) {
	elapsed := time.Duration(now - c.now.Swap(now))
	c.mu.Lock()
	if c.gone != nil {
		c.mu.Unlock()
		return
	}
	c.refillLocked(elapsed)
	waiting := 0
	for s := c.first; s != nil; s = s.next {
		if s.meter.writeBy.Load() != 0 {
			waiting++
		}
		s.tick(now, elapsed) // with mu held the stream is not another's
	}
	stalled := c.stalledLocked(now, waiting)
	if c.draining {
		c.drained++
	}
	again := !c.final && c.drained >= drainTicks
	idle := c.active == 0 && !c.draining && c.cfg.Limits.KeepAliveTimeout > 0 && now-c.idleSince > int64(c.cfg.Limits.KeepAliveTimeout)
	if idle {
		c.gone = errIdle
	}
	c.mu.Unlock()
	switch {
	case stalled:
		c.fail(errStalled)
	case idle:
		c.quic.Close(NoError, "")
	case again:
		c.goAwayAgain()
	}
}

// errIdle is why a connection ends that had no request for long (KeepAliveTimeout).
var errIdle = &LostError{Cause: errKeepAlive, Idle: true}
