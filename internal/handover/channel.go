package handover

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultWriteTimeout bounds how long a message waits for a peer that does not
// read. A side that handles its messages needs microseconds; one that has not
// done so for ten seconds is stuck.
const DefaultWriteTimeout = 10 * time.Second

// Channel is one end of the control channel between the host and one worker.
//
// Send may be called by many goroutines and Receive by one, all at once. Close
// may be called at any time and ends them. A Channel runs no goroutine.
type Channel struct {
	side         Side
	sock         *socket
	writeTimeout atomic.Int64

	shut sync.Once
	over chan struct{} // closed when the channel was closed from this side

	turn    chan struct{} // holds a token while a frame is being written
	out     []byte        // owned by the holder of turn
	sendErr error         // owned by the holder of turn: why nothing can be sent

	mu      sync.Mutex  // held by Receive
	frames  frameReader // owned by the holder of mu
	ended   error       // owned by the holder of mu: what Receive has come to
	greeted bool        // owned by the holder of mu: HELLO was received
}

// Open makes a channel of one end of a connected unix stream socket. side says
// which end this process is. It closes file, also when it fails.
func Open(file *os.File, side Side) (*Channel, error) {
	name := file.Name()
	sock, err := openSocket(file)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s as a control channel: %w", name, err)
	}
	c := &Channel{
		side: side,
		sock: sock,
		over: make(chan struct{}),
		turn: make(chan struct{}, 1),
	}
	c.frames.src = sock
	return c, nil
}

// SetWriteTimeout bounds how long Send waits for its turn, and then again for
// the other side to take the message. Zero and less mean [DefaultWriteTimeout].
func (c *Channel) SetWriteTimeout(d time.Duration) { c.writeTimeout.Store(int64(d)) }

func (c *Channel) timeout() time.Duration {
	if d := time.Duration(c.writeTimeout.Load()); d > 0 {
		return d
	}
	return DefaultWriteTimeout
}

// Close ends the channel. Send and Receive that are under way return
// [ErrClosed]. What was sent before still reaches the other side; descriptors
// that this side has not received yet are closed.
func (c *Channel) Close() error {
	err := c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames.discard()
	return err
}

func (c *Channel) end() (err error) {
	c.shut.Do(func() {
		close(c.over)
		err = c.sock.close()
	})
	return err
}

// Receive returns the next message. The caller owns it, and with it the
// descriptor it may carry: use it or close it ([Discard]).
//
// It returns [ErrClosed] when the channel has ended, a [*ProtocolError] or
// [*VersionError] when the other side broke the rules; then the channel is
// closed. After an error it returns the same error again.
func (c *Channel) Receive() (Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.ended == nil {
		m, err := c.receiveLocked()
		if err != nil {
			c.failLocked(err)
			break
		}
		if m != nil {
			return m, nil
		}
	}
	return nil, c.ended
}

// receiveLocked returns nil for a frame that is to be skipped.
func (c *Channel) receiveLocked() (Message, error) {
	f, err := c.frames.next()
	if err != nil {
		return nil, err
	}
	if f.kind.sender() != c.side.peer() {
		f.descriptor.Close()
		return nil, broken("it sent %s, which only the %s sends", f.kind, c.side)
	}
	m, wrong := decode(f)
	if wrong != nil {
		f.descriptor.Close()
		return nil, wrong
	}
	if m == nil {
		f.descriptor.Close()
		return nil, nil
	}
	if wrong := c.greetLocked(m.Kind()); wrong != nil {
		Discard(m)
		return nil, wrong
	}
	return m, nil
}

// greetLocked holds the host to its first message.
func (c *Channel) greetLocked(k Kind) *ProtocolError {
	switch {
	case c.side == Host, c.greeted && k != KindHello:
		return nil
	case !c.greeted && k == KindHello:
		c.greeted = true
		return nil
	case c.greeted:
		return broken("it sent HELLO a second time")
	default:
		return broken("it sent %s before HELLO", k)
	}
}

// failLocked notes what Receive has come to. A peer that ended the channel
// leaves it open for Close; one that broke the rules is cut off at once.
func (c *Channel) failLocked(err error) {
	c.frames.discard()
	var rules *ProtocolError
	var version *VersionError
	switch {
	case errors.As(err, &rules):
		rules.From = c.side.peer()
		c.end()
	case errors.As(err, &version):
		version.From = c.side.peer()
		c.end()
	case isEnd(err):
		err = ErrClosed
	default:
		err = fmt.Errorf("cannot receive from the %s: %w", c.side.peer(), err)
		c.end()
	}
	c.ended = err
}
