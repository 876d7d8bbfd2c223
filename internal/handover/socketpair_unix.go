//go:build unix

package handover

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Socketpair makes the two ends of a control channel: the host's, ready to use,
// and the worker's, to be put into [exec.Cmd.ExtraFiles], where it becomes the
// descriptor number that [ControlVariable] names. Both are close-on-exec.
//
// The caller closes the worker's end once the worker has been started. Until
// then the host cannot see that the worker has died.
func Socketpair() (*Channel, *os.File, error) {
	ends, err := unixPair()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a control channel: %w", os.NewSyscallError("socketpair", err))
	}
	worker := os.NewFile(uintptr(ends[1]), "worker's control socket")
	host, err := Open(os.NewFile(uintptr(ends[0]), "host's control socket"), Host)
	if err != nil {
		worker.Close()
		return nil, nil, err
	}
	return host, worker, nil
}

// Pair makes a connection within this machine: one end to use here, and the
// other to be handed over. Both are close-on-exec.
func Pair() (net.Conn, *Descriptor, error) {
	ends, err := unixPair()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a pair of sockets: %w", os.NewSyscallError("socketpair", err))
	}
	here, there := own(ends[0]), own(ends[1])
	for _, fd := range ends {
		if err := unix.SetNonblock(fd, true); err != nil {
			here.Close()
			there.Close()
			return nil, nil, fmt.Errorf("cannot make a pair of sockets: %w", os.NewSyscallError("fcntl", err))
		}
	}
	nc, err := here.Conn()
	if err != nil {
		there.Close()
		return nil, nil, err
	}
	return nc, there, nil
}
