package http1

import "github.com/lannerhq/lanner/internal/httpcommon"

// bodyDone is called when the last byte of the body was read: from now on the connection can be watched.
func (c *Conn) bodyDone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inputIdle = true
	c.watchLocked()
}

// OnAborted calls fn, once and on any goroutine, when the request is aborted: at once when it already is. One function per
// request; it is forgotten when the handler returns. It is safe to call from any goroutine, and does nothing when no
// request runs.
//
// Who asks is going to wait, so the answers to earlier pipelined requests are sent now.
func (c *Conn) OnAborted(fn func(error)) {
	c.mu.Lock()
	switch gone := c.gone; {
	case gone != nil:
		c.mu.Unlock()
		fn(gone)
		return
	case !c.serving:
		c.mu.Unlock()
		return
	}
	c.onAborted = fn
	c.watchLocked()
	if c.writing || c.res.started || len(c.out) == 0 {
		c.mu.Unlock()
		return
	}
	_ = c.writeAndUnlock(nil) // an error calls fn
}

// watchLocked begins to watch the client, when somebody wants to know and nobody else reads.
func (c *Conn) watchLocked() {
	if c.serving && c.inputIdle && c.onAborted != nil && !c.watching {
		c.watching = true
		c.stream.Watch(c.clientLeft)
	}
}

// clientLeft is called by the watch. The client may have closed its sending side only, so the response is still written.
func (c *Conn) clientLeft(error) {
	c.mu.Lock()
	fn := c.onAborted
	c.onAborted = nil
	c.mu.Unlock()
	if fn != nil {
		fn(httpcommon.ErrClientDisconnected)
	}
}

// unwatch ends the part of a request in which it can be aborted: no function is called after it returns.
func (c *Conn) unwatch() {
	c.mu.Lock()
	watching := c.watching
	c.serving, c.watching, c.onAborted = false, false, nil
	c.mu.Unlock()
	if watching {
		c.stream.Unwatch()
	}
}

// lost tells that the connection broke, or was given up.
func (c *Conn) lost(cause error) {
	c.mu.Lock()
	if c.gone != nil {
		c.mu.Unlock()
		return
	}
	c.gone = cause
	c.isGone.Store(true)
	fn := c.onAborted
	c.onAborted = nil
	c.mu.Unlock()
	if fn != nil {
		fn(cause)
	}
}

func (c *Conn) lostCause() error {
	if !c.isGone.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// Lose gives the connection up: nothing more is written, and it is closed when the application returns. It is safe to
// call from any goroutine.
func (c *Conn) Lose(cause error) { c.lost(cause) }

// Lost is why the request was given up, or nil.
func (c *Conn) Lost() error { return c.lostCause() }
