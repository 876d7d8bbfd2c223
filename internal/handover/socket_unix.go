//go:build unix

package handover

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket moves bytes and descriptors over one end of a connected unix stream
// socket. One goroutine reads and one writes at a time.
type socket struct {
	conn *net.UnixConn
	raw  syscall.RawConn
	oob  [256]byte // the reader's: control messages
}

// openSocket makes a socket of f, which it closes.
func openSocket(f *os.File) (*socket, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("it is a %s socket, not a unix one", conn.LocalAddr().Network())
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		uc.Close()
		return nil, err
	}
	return &socket{conn: uc, raw: raw}, nil
}

func (s *socket) close() error { return s.conn.Close() }

// endWriting tells the other side that nothing more comes.
func (s *socket) endWriting() { s.conn.CloseWrite() }

func (s *socket) setWriteDeadline(t time.Time) error { return s.conn.SetWriteDeadline(t) }

// read implements source.
func (s *socket) read(p []byte) (n int, d *Descriptor, err error) {
	var oobn, flags int
	waitErr := s.raw.Read(func(fd uintptr) bool {
		n, oobn, flags, err = receiveMessage(int(fd), p, s.oob[:])
		return err != unix.EAGAIN
	})
	if waitErr != nil {
		return 0, nil, waitErr
	}
	if err != nil {
		return 0, nil, err
	}
	if d, err = oneDescriptor(s.oob[:oobn], flags); err != nil {
		return 0, nil, err
	}
	if n == 0 {
		d.Close()
		return 0, nil, io.EOF
	}
	return n, d, nil
}

// oneDescriptor takes the descriptor out of the control messages of one read.
// All of them are closed if there is more than one or if the kernel dropped any.
func oneDescriptor(oob []byte, flags int) (*Descriptor, error) {
	fds := descriptorsIn(oob)
	truncated := flags&unix.MSG_CTRUNC != 0
	if len(fds) == 1 && !truncated {
		return own(fds[0]), nil
	}
	for _, fd := range fds {
		closeDescriptor(fd)
	}
	if truncated {
		return nil, broken("a descriptor was lost on its way; either too many came at once or this process has no room for more (see ulimit -n)")
	}
	if len(fds) > 1 {
		return nil, broken("%d descriptors came with one frame", len(fds))
	}
	return nil, nil
}

func descriptorsIn(oob []byte) []int {
	if len(oob) == 0 {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var fds []int
	for i := range messages {
		// An error means another type of control message, which is not ours.
		if some, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, some...)
		}
	}
	return fds
}

// write sends a part of p, at least one byte unless there is an error, and with
// its first byte a copy of d if that is not nil. It waits for room until the
// write deadline, outside of d, so that d's owner can close it meanwhile.
func (s *socket) write(p []byte, d *Descriptor) (n int, err error) {
	waitErr := s.raw.Write(func(fd uintptr) bool {
		if d == nil {
			n, err = sendMessage(int(fd), p, nil)
			return err != unix.EAGAIN
		}
		lendErr := d.control(func(lent int) {
			n, err = sendMessage(int(fd), p, unix.UnixRights(lent))
		})
		if lendErr != nil {
			err = &descriptorError{lendErr}
		}
		return err != unix.EAGAIN
	})
	if waitErr != nil {
		return 0, waitErr
	}
	return max(n, 0), err
}

func sendMessage(fd int, p, oob []byte) (int, error) {
	for {
		n, err := unix.SendmsgN(fd, p, oob, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// isEnd tells errors that mean "the channel has ended" from all others.
func isEnd(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, unix.EPIPE, unix.ECONNRESET, unix.ENOTCONN} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
