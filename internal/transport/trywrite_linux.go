package transport

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// TryWrite writes what the socket takes now. Fewer bytes than len(p) and no error mean that it is full.
func (c *EventConn) TryWrite(p []byte) (int, error) {
	if err := c.over(true); err != nil {
		return 0, err
	}
	rest, err := c.trySend(p)
	return len(p) - len(rest), err
}

// NotifyWritable asks for one Ready(Writable). The registration of a detached connection that is spent is made by Attach. If
// it is not spent, the first event, which may be this one, silences it, and Attach makes it again.
func (c *EventConn) NotifyWritable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wish || c.state.Load() == closed {
		return
	}
	c.wish = true
	if !c.spent {
		c.controlLocked(c.levelLocked()) // fails before register, which looks
	}
}

// takeWish reports whether an event after which writes do not wait is to be told, and takes the registration for it back.
// The caller is the leader, which has found the connection attached: its registration is level-triggered until it has run.
func (c *EventConn) takeWish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.wish { // closed connections have none
		return false
	}
	c.wish = false
	c.controlLocked(c.levelLocked())
	return true
}

// TryWritev is TryWrite for several buffers, which are not changed.
func (c *EventConn) TryWritev(bufs [][]byte) (written int, err error) {
	if err := c.over(true); err != nil {
		return 0, err
	}
	if !c.use() {
		return 0, net.ErrClosed
	}
	defer c.release()
	var copied [maxVec][]byte
	for len(bufs) > 0 {
		part := append(copied[:0], bufs[:min(len(bufs), maxVec)]...)
		bufs = bufs[len(part):]
		for part = withoutEmpty(part); len(part) > 0; part = withoutEmpty(part) {
			n, errno := sendAll(int(c.fd), part)
			switch errno {
			case 0:
			case unix.EINTR:
				continue
			case unix.EAGAIN:
				return written, nil
			default:
				return written, os.NewSyscallError("sendmsg", errno)
			}
			written += n
			for n > 0 {
				k := min(n, len(part[0]))
				part[0] = part[0][k:]
				n -= k
				part = withoutEmpty(part)
			}
		}
	}
	return written, nil
}

func withoutEmpty(bufs [][]byte) [][]byte {
	for len(bufs) > 0 && len(bufs[0]) == 0 {
		bufs = bufs[1:]
	}
	return bufs
}
