//go:build unix

package handover

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// FromEnvironment opens the worker's end of the control channel: the descriptor
// that LANNER_CONTROL_FD names, 3 if it names none. It marks the descriptor
// close-on-exec and removes the variable, so that processes which the worker
// starts inherit neither. A worker calls it once, before it starts anything.
//
// When the descriptor is not the end of a control channel it is left alone.
func FromEnvironment() (*Channel, error) {
	text, told := os.LookupEnv(ControlVariable)
	os.Unsetenv(ControlVariable)
	fd := DefaultControlDescriptor
	if told {
		n, err := strconv.Atoi(text)
		if err != nil || n < 3 {
			return nil, fmt.Errorf("%s=%q is not a descriptor number from 3 up: the host sets it, do not set it by hand", ControlVariable, text)
		}
		fd = n
	}
	if err := checkControl(fd); err != nil {
		return nil, fmt.Errorf("descriptor %d (%s) is not a control channel: %w; was this program started by the host?", fd, ControlVariable, err)
	}
	unix.CloseOnExec(fd)
	return Open(os.NewFile(uintptr(fd), "descriptor "+strconv.Itoa(fd)), Worker)
}

// checkControl reports why fd cannot be the end of a connected unix stream
// socket, without changing it.
func checkControl(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return errors.New("it is not a socket")
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	peer, err := unix.Getpeername(fd)
	if err != nil {
		return os.NewSyscallError("getpeername", err)
	}
	if _, ok := peer.(*unix.SockaddrUnix); !ok || kind != unix.SOCK_STREAM {
		return errors.New("it is not a unix stream socket")
	}
	return nil
}
