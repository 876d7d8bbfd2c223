package http1

import (
	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// flush writes what is waiting, and p after it. It is for the writer of the response.
func (c *Conn) flush(p []byte) error {
	c.mu.Lock()
	for c.writing {
		c.written.Wait()
	}
	return c.writeAndUnlock(p)
}

// flushBeforeRead sends what the client may be waiting for before it sends its body: earlier responses, an invitation.
// It leaves a response that has started to its writer, which may be blocked because the client does not read before its
// body has been taken.
func (c *Conn) flushBeforeRead() error {
	c.mu.Lock()
	for c.writing && !c.res.started {
		c.written.Wait()
	}
	if c.res.started || len(c.out) == 0 {
		c.mu.Unlock()
		return nil
	}
	return c.writeAndUnlock(nil)
}

// writeAndUnlock is called with mu held and returns without. It writes with mu released, and writing set.
func (c *Conn) writeAndUnlock(p []byte) error {
	out := c.out
	c.out = nil
	if c.gone != nil || len(out)+len(p) == 0 {
		c.out = out[:0]
		err := c.gone
		c.mu.Unlock()
		return err
	}
	c.res.at = sent
	c.writing = true
	c.mu.Unlock()
	err := c.stream.Writev(out, p)
	c.mu.Lock()
	c.writing = false
	c.written.Broadcast()
	if len(c.out) == 0 && cap(out) <= bufpool.Large {
		c.out = out[:0]
	}
	c.mu.Unlock()
	if err != nil {
		c.lost(c.writeCause(err))
	}
	return err
}

// outLocked is out, with room for a response that is not large.
func (c *Conn) outLocked() []byte {
	if cap(c.out) == 0 {
		c.out = bufpool.Get(bufpool.Small)[:0]
	}
	return c.out
}

func (c *Conn) writeCause(err error) error {
	switch {
	case c.stream.Expired() == TimeoutResponseRate:
		return httpcommon.ErrResponseTooSlow
	case httpcommon.IsDeadline(err):
		return err // the application's own
	}
	return httpcommon.ErrClientDisconnected
}

// Input of a body.
