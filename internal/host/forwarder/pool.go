package forwarder

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// enter makes x one of the running requests, if it is not yet, and gives it a connection: the idle one that was used last,
// unless fresh asks for a new one.
func (u *Upstream) enter(x *exchange, fresh bool) error {
	c, err := u.take(x, fresh)
	if err != nil || c != nil {
		return err
	}
	return u.connect(x)
}

// take is enter's part under the lock. It returns no connection when one has to be made.
func (u *Upstream) take(x *exchange, fresh bool) (c *conn, err error) {
	now := u.fw.now()
	var expired []*conn
	u.mu.Lock()
	first, err := u.joinLocked(x, now)
	if err != nil {
		u.mu.Unlock()
		return nil, err
	}
	for c == nil && !fresh && len(u.idle) > 0 {
		last := len(u.idle) - 1
		c, u.idle[last] = u.idle[last], nil
		u.idle = u.idle[:last]
		if time.Duration(now-c.idleSince) >= c.keep {
			expired, c = append(expired, c), nil
		}
	}
	if c != nil {
		c.reused = true
		x.c = c
	}
	u.mu.Unlock()
	if first {
		u.fw.rouse()
	}
	closeAll(expired)
	return c, nil
}

// joinLocked makes x one of the running requests, if it is not yet and the upstream takes any. first says that the heartbeat
// may sleep.
func (u *Upstream) joinLocked(x *exchange, now int64) (first bool, err error) {
	if u.state == Closed || u.state == Draining && !x.entered {
		return false, u.refusalLocked()
	}
	if x.entered {
		return false, nil
	}
	first = len(u.active) == u.tunnels
	x.entered, x.started, x.index = true, now, len(u.active)
	u.active = append(u.active, x)
	u.stats.Requests++
	return first, nil
}

func (u *Upstream) refusalLocked() error {
	if u.state == Draining {
		return u.connectError(503, ReasonDraining, errors.New("it is draining: the worker is about to stop"))
	}
	return u.connectError(503, ReasonClosed, errors.New("it is closed: the worker is gone"))
}

func (u *Upstream) connectError(status int, reason string, err error) error {
	return &UpstreamError{Stage: StageConnect, Status: status, Reason: reason, Worker: u.addr, Err: err}
}

// connect makes a connection for x. What takes longer than two ticks is watched for a client that goes away.
func (u *Upstream) connect(x *exchange) error {
	left := u.opts.ConnectTimeout
	first := min(left, 2*tick)
	nc, err := u.dial(u.ctx, first)
	if err != nil && isTimeout(err) && left > first {
		ctx, cancel := context.WithCancel(u.ctx)
		defer cancel()
		x.watchDial(cancel)
		nc, err = u.dial(ctx, left-first)
		if cause := x.abortCause(); err != nil && cause != nil {
			return cause
		}
	}
	if err != nil {
		return u.dialError(err)
	}
	c := newConn(nc, u.opts.IdleTimeout)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stats.Opened++
	x.c = c
	switch { // whoever had something to say found no connection to wake
	case u.state == Closed:
		return u.refusalLocked()
	case x.cause != nil:
		return x.abandoned(x.cause)
	}
	return nil
}

func (u *Upstream) dial(ctx context.Context, d time.Duration) (net.Conn, error) {
	if d < noLimit {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	if u.opts.Dial != nil {
		return u.opts.Dial(ctx)
	}
	return u.fw.dial(ctx, u.addr)
}

func (u *Upstream) dialError(err error) error {
	var errno syscall.Errno
	switch {
	case u.ctx.Err() != nil:
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.refusalLocked()
	case isTimeout(err):
		return u.connectError(504, ReasonConnectTimeout, err)
	case errors.As(err, &errno) && isRefused(errno):
		return u.connectError(502, ReasonConnectRefused, err)
	}
	return u.connectError(502, ReasonConnectFailed, err)
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// discard closes x's connection, which could not carry the request to its end, before another one is tried.
func (u *Upstream) discard(x *exchange) {
	u.mu.Lock()
	c := x.c
	x.c = nil
	u.stats.Retries++
	u.countLocked(c)
	u.mu.Unlock()
	c.close()
}

// leave ends x's stay among the running requests. Its connection is kept when reuse says that it is as good as new.
func (u *Upstream) leave(x *exchange, reuse bool) {
	if !x.entered {
		return
	}
	c := x.c
	if c != nil {
		c.drop()
	}
	now := u.fw.now()
	u.mu.Lock()
	u.removeLocked(x)
	if c != nil {
		u.countLocked(c)
		if reuse && x.poked { // its deadline may have passed; nobody sets one from now on
			u.mu.Unlock()
			c.clearDeadlines()
			u.mu.Lock()
		}
		if reuse && x.cause == nil && u.state == Open && len(u.idle) < u.opts.MaxIdle {
			c.idleSince = now
			u.idle = append(u.idle, c)
			c = nil
		}
	}
	u.mu.Unlock()
	if c != nil {
		c.close()
	}
}

// removeLocked takes x from the list of running requests; the last one takes its place.
func (u *Upstream) removeLocked(x *exchange) {
	last := len(u.active) - 1
	moved := u.active[last]
	u.active[x.index], moved.index = moved, x.index
	u.active[last] = nil
	u.active = u.active[:last]
	x.entered, x.c = false, nil
	if x.tunneling {
		u.tunnels--
	}
	if x.failed {
		u.stats.Failures++
	}
	if u.state != Open && last == 0 {
		close(u.drained)
	}
}

func (u *Upstream) countLocked(c *conn) {
	u.stats.BytesSent += uint64(c.wrote)
	u.stats.BytesReceived += uint64(c.read)
	c.wrote, c.read = 0, 0
}
