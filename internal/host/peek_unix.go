//go:build unix

package host

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peek calls see with all that has come on a connection, as much as buf has room for, each time that there is more, until see reports that it is
// enough. Nothing is taken. It returns io.EOF when the client has left without a byte. The connection's read deadline ends it.
func peek(nc net.Conn, buf []byte, see func([]byte) bool) error {
	below, ok := nc.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := below.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, _, err := unix.Recvfrom(int(fd), buf, unix.MSG_PEEK)
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN:
				return false
			case err != nil:
				failed = err
				return true
			case n == 0:
				failed = io.EOF
				return true
			}
			return see(buf[:n]) // if it wants more: the poller tells of bytes that come, not of those that are there
		}
	})
	return errors.Join(err, failed)
}
