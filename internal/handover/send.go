package handover

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// keptBuffer bounds the memory a channel keeps for the next frame.
const keptBuffer = 8 << 10

// Send sends m, and with it a copy of its descriptor. m and the descriptor stay
// the caller's. The other side may not have read m when Send returns.
//
// It waits at most twice the write timeout: for other senders, then for the
// other side to make room; an error for which errors.Is gives
// [os.ErrDeadlineExceeded] says that it did not.
//
// It returns [ErrClosed] when the channel has ended and [ErrTooLarge] when m
// does not fit. When it fails after a part of the frame has left, nothing can be
// sent any more, and the other side's Receive ends; what the other side sends
// can still be received. After any other failure the channel goes on.
func (c *Channel) Send(m Message) error {
	if err := c.send(m); err != nil {
		return fmt.Errorf("cannot send %s to the %s: %w", m.Kind(), c.side.peer(), err)
	}
	return nil
}

func (c *Channel) send(m Message) error {
	if m.Kind().sender() != c.side {
		return fmt.Errorf("only the %s sends it", m.Kind().sender())
	}
	if err := c.takeTurn(); err != nil {
		return err
	}
	defer func() { <-c.turn }()
	if c.sendErr != nil {
		return c.sendErr
	}
	frame, err := appendFrame(c.out[:0], m)
	if cap(frame) <= keptBuffer {
		c.out = frame
	}
	if err != nil {
		return err
	}
	return c.writeFrame(frame, descriptorOf(m))
}

// takeTurn waits until no other goroutine writes a frame.
func (c *Channel) takeTurn() error {
	select {
	case c.turn <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(c.timeout())
	defer wait.Stop()
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-c.over:
		return ErrClosed
	case <-wait.C:
		return fmt.Errorf("other messages have been waiting for %v: %w", c.timeout(), os.ErrDeadlineExceeded)
	}
}

// writeFrame writes the whole of p; d goes with its first byte.
func (c *Channel) writeFrame(p []byte, d *Descriptor) error {
	if err := c.sock.setWriteDeadline(time.Now().Add(c.timeout())); err != nil {
		return c.writeFailed(err, false)
	}
	for begun := false; len(p) > 0; begun = true {
		n, err := c.sock.write(p, d)
		if err != nil {
			return c.writeFailed(err, begun)
		}
		p, d = p[n:], nil
	}
	return nil
}

// writeFailed decides whether the channel can still be sent on.
func (c *Channel) writeFailed(err error, begun bool) error {
	switch {
	case isEnd(err):
		c.sendErr = ErrClosed
		return ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("the other side has not read for %v: %w", c.timeout(), err)
	}
	if begun {
		c.sendErr = fmt.Errorf("%w for sending: an earlier message was cut off (%v)", ErrClosed, err)
		c.sock.endWriting()
	}
	return err
}
