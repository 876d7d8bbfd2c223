package handover

import "golang.org/x/sys/unix"

// receiveMessage is recvmsg. The kernel marks received descriptors
// close-on-exec as it makes them, so that no child started meanwhile has them.
func receiveMessage(fd int, p, oob []byte) (n, oobn, flags int, err error) {
	for {
		n, oobn, flags, _, err = unix.Recvmsg(fd, p, oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, oobn, flags, err
		}
	}
}

// unixPair makes two connected sockets that no child inherits by accident.
func unixPair() ([2]int, error) {
	return unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
}

// duplicate copies a descriptor; the copy is close-on-exec.
func duplicate(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}
