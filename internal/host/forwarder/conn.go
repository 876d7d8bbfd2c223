package forwarder

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is one connection to a worker. The goroutine of the request that uses it owns it, except that an upload goroutine
// may write to nc and the heartbeat may set deadlines.
type conn struct {
	nc     net.Conn
	raw    syscall.RawConn    // nil where the operating system's calls are not used directly
	step   func(uintptr) bool // see conn_unix.go
	reused bool               // it has carried a request before

	buf  *buffer // nil while there is nothing in it
	r, w int     // unread bytes are buf[r:w]

	tx       *outgoing // what run sends first; nil for nothing
	probed   bool      // it was alive just before the request was sent
	wait     bool      // of the present run
	sendOnly bool      // of the present run
	err      error     // of the step

	idleSince int64         // Forwarder.now
	keep      time.Duration // how long it may be idle

	wrote, read int64 // bytes
}

// outgoing is the head of a request, and as much of its body as is at hand.
type outgoing struct {
	b       []byte
	sent    int
	buf     *buffer // b is a part of it; nil when b belongs to the exchange
	keep    bool    // the request may have to be sent again
	any     bool    // a byte has been sent, on this connection or an earlier one
	dropped bool    // it is sent, and its memory given back
}

func (t *outgoing) done() bool { return t.sent == len(t.b) }

// drop gives the buffer back.
func (t *outgoing) drop() {
	putBuffer(t.buf)
	t.b, t.buf, t.sent = nil, nil, 0
}

// Errors of a connection.
var (
	// errStale: a kept connection was dead before anything was sent on it.
	errStale = errors.New("the worker had closed the kept connection")
	// errUnsolicited: there were bytes on a kept connection before anything was sent on it.
	errUnsolicited = errors.New("the worker sent bytes on the kept connection that belong to no request")
	// errWouldBlock: nothing has arrived.
	errWouldBlock = errors.New("nothing has arrived")
	// errFull: a response head or trailer section larger than the buffer.
	errFull = errors.New("a header section of more than 64 KiB")
	// errShortWrite: the socket takes no more at the moment.
	errShortWrite = errors.New("the socket is full")
)

func newConn(nc net.Conn, keep time.Duration) *conn {
	c := &conn{nc: nc, keep: keep}
	c.useRaw()
	return c
}

// send starts a request: what run does first is to send t.
func (c *conn) send(t *outgoing) {
	c.tx = t
	c.probed = !c.reused
}

// tryFill gets what has arrived, or errWouldBlock. Where that cannot be known it always is the latter.
func (c *conn) tryFill() error {
	if c.raw == nil {
		return errWouldBlock
	}
	return c.run(false, false)
}

// run sends what is to be sent; then, unless sendOnly, it waits until bytes have arrived, or does not wait and returns
// errWouldBlock. It may be called again after os.ErrDeadlineExceeded, and goes on where it was.
func (c *conn) run(wait, sendOnly bool) error {
	if c.raw == nil {
		return c.runPlain(sendOnly)
	}
	c.wait, c.sendOnly = wait, sendOnly
	for {
		c.err = nil
		if err := c.raw.Read(c.step); err != nil {
			return err
		}
		if c.err != errShortWrite {
			return c.err
		}
		if err := c.sendRest(); err != nil || sendOnly {
			return err
		}
	}
}

// runPlain does without the operating system: a dead connection shows only when it is used.
func (c *conn) runPlain(sendOnly bool) error {
	if err := c.sendRest(); err != nil || sendOnly {
		return err
	}
	if err := c.room(); err != nil {
		return err
	}
	n, err := c.nc.Read(c.buf[c.w:])
	if n > 0 {
		c.received(n)
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// sendRest writes what is left, waiting for room.
func (c *conn) sendRest() error {
	for c.tx != nil && !c.tx.done() {
		n, err := c.nc.Write(c.tx.b[c.tx.sent:])
		c.sent(n)
		if err != nil {
			return err
		}
	}
	c.sentAll()
	return nil
}

func (c *conn) sent(n int) {
	c.tx.sent += n
	c.tx.any = c.tx.any || n > 0
	c.wrote += int64(n)
}

// sentAll gives the buffer of a request back that will not be sent again.
func (c *conn) sentAll() {
	if c.tx != nil && !c.tx.keep && c.tx.buf != nil {
		putBuffer(c.tx.buf)
		c.tx.buf, c.tx.b, c.tx.sent, c.tx.dropped = nil, nil, 0, true
	}
}

// room makes buf[w:] not empty.
func (c *conn) room() error {
	switch {
	case c.buf == nil:
		c.buf = getBuffer()
		c.r, c.w = 0, 0
	case c.r == c.w:
		c.r, c.w = 0, 0
	case c.w == len(c.buf) && c.r == 0:
		return errFull
	case c.w == len(c.buf):
		c.w = copy(c.buf[:], c.buf[c.r:c.w])
		c.r = 0
	}
	return nil
}

func (c *conn) received(n int) {
	c.w += n
	c.read += int64(n)
}

// unread are the bytes received and not yet taken.
func (c *conn) unread() []byte {
	if c.buf == nil {
		return nil
	}
	return c.buf[c.r:c.w]
}

// drop gives the read buffer back, with whatever is in it.
func (c *conn) drop() {
	putBuffer(c.buf)
	c.buf, c.r, c.w = nil, 0, 0
	c.tx = nil
}

// poke makes blocked reads and writes return os.ErrDeadlineExceeded. It is the one call that others may make while the
// owner uses the connection.
func (c *conn) poke() { _ = c.nc.SetDeadline(longAgo) }

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

func (c *conn) clearDeadlines() { _ = c.nc.SetDeadline(time.Time{}) }

func (c *conn) close() {
	c.drop()
	_ = c.nc.Close()
}

func isPoke(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
