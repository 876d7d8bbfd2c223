//go:build unix

package forwarder

import (
	"io"
	"net"
	"os"
	"syscall"
)

// useRaw lets the connection use read(2) and write(2) on a socket itself, inside one RawConn.Read. That saves the
// read that net.Conn would try in vain after each request was written, costs nothing to find out whether a kept connection
// is alive, and needs no buffer before bytes are there.
//
// It relies on the order in RawConn.Read: the poller's memory of past readiness is cleared, then the callback runs, and
// when that reports false the poller waits. What arrives after the clearing, so also what arrives after the request was
// written, is not missed although nobody tried to read.
func (c *conn) useRaw() {
	switch c.nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return
	}
	raw, err := c.nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return
	}
	c.raw, c.step = raw, c.turn
}

// turn is the callback: it reports whether it is done, for better or worse, or wants to be called when there is more.
func (c *conn) turn(fd uintptr) bool {
	if c.tx != nil && !c.tx.done() {
		return c.turnSend(int(fd))
	}
	if c.sendOnly {
		return true
	}
	return c.turnRead(int(fd))
}

// turnSend probes a kept connection and writes the request. It does not try to read: the answer cannot be there yet.
func (c *conn) turnSend(fd int) (done bool) {
	if !c.probed && !c.probe(fd) {
		return true
	}
	for !c.tx.done() {
		n, err := syscall.Write(fd, c.tx.b[c.tx.sent:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			c.err = errShortWrite
			return true
		case err != nil:
			c.err = os.NewSyscallError("write", err)
			return true
		default:
			c.sent(n)
		}
	}
	c.sentAll()
	return c.sendOnly
}

// probe finds out whether the worker has closed the connection, or sent what nobody asked for: on a good one there is
// nothing to read. The byte it may take from a bad one is of no use to anybody.
func (c *conn) probe(fd int) bool {
	var one [1]byte
	for {
		n, err := syscall.Read(fd, one[:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			c.probed = true
			return true
		}
		c.read += int64(max(n, 0))
		c.err = errStale
		if n > 0 {
			c.err = errUnsolicited
		}
		return false
	}
}

func (c *conn) turnRead(fd int) (done bool) {
	if c.err = c.room(); c.err != nil {
		return true
	}
	for {
		n, err := syscall.Read(fd, c.buf[c.w:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			if c.r == c.w { // wait without a buffer
				putBuffer(c.buf)
				c.buf, c.r, c.w = nil, 0, 0
			}
			if !c.wait {
				c.err = errWouldBlock
			}
			return !c.wait
		case err != nil:
			c.err = os.NewSyscallError("read", err)
		case n == 0:
			c.err = io.EOF
		default:
			c.received(n)
		}
		return true
	}
}

// isReset reports the ways in which an operating system tells that the peer closed or reset a connection.
func isReset(errno syscall.Errno) bool {
	return errno == syscall.ECONNRESET || errno == syscall.EPIPE || errno == syscall.ECONNABORTED
}

// isRefused reports that nobody listens on the port.
func isRefused(errno syscall.Errno) bool { return errno == syscall.ECONNREFUSED }
