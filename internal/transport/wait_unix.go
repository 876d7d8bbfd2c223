//go:build unix

package transport

import (
	"io"
	"os"
	"syscall"
)

// markedRead reads at least one byte. It says mark(true) before each attempt and mark(false) when there was nothing.
func markedRead(c syscall.Conn, p []byte, mark func(bool)) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var readErr error
	err = raw.Read(func(fd uintptr) bool {
		for {
			mark(true)
			n, readErr = syscall.Read(int(fd), p)
			switch readErr {
			case syscall.EINTR:
				continue
			case syscall.EAGAIN:
				mark(false)
				return false
			}
			return true
		}
	})
	switch {
	case err != nil:
		return 0, err
	case readErr != nil:
		return 0, os.NewSyscallError("read", readErr)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
