//go:build unix && !linux

package handover

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// receiveMessage is recvmsg. The fork lock keeps a child from being started
// between the descriptors' arrival and their mark; the socket does not block.
func receiveMessage(fd int, p, oob []byte) (n, oobn, flags int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for {
		n, oobn, flags, _, err = unix.Recvmsg(fd, p, oob, 0)
		if err != unix.EINTR {
			break
		}
	}
	if err == nil {
		for _, received := range descriptorsIn(oob[:oobn]) {
			unix.CloseOnExec(received)
		}
	}
	return n, oobn, flags, err
}

// unixPair makes two connected sockets that no child inherits by accident.
func unixPair() ([2]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return ends, err
	}
	unix.CloseOnExec(ends[0])
	unix.CloseOnExec(ends[1])
	return ends, nil
}

// duplicate copies a descriptor; the copy is close-on-exec.
func duplicate(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := unix.Dup(fd)
	if err == nil {
		unix.CloseOnExec(copied)
	}
	return copied, err
}
