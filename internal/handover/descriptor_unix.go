//go:build unix

package handover

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

var errGivenUp = errors.New("the descriptor was closed or turned into a connection before")

func closeDescriptor(fd int) error { return unix.Close(fd) }

// Detach closes c and returns its connection as an owned descriptor that no
// poller watches. It is for the copy that the host keeps of a connection it
// hands over: while a [net.Conn] exists, every packet that arrives for the
// worker would also wake up the host's poller.
//
// When it fails, c is still open.
func Detach(c net.Conn) (*Descriptor, error) {
	lent, err := Borrow(c)
	if err != nil {
		return nil, err
	}
	fd := -1
	var dupErr error
	err = lent.control(func(old int) {
		fd, dupErr = duplicate(old)
	})
	if err = errors.Join(err, dupErr); err != nil {
		return nil, fmt.Errorf("cannot take the connection from %v out of its net.Conn: %w", c.RemoteAddr(), err)
	}
	c.Close()
	return own(fd), nil
}

// Conn turns an owned descriptor into a connection. The descriptor is spent
// whether it works or not.
func (d *Descriptor) Conn() (net.Conn, error) {
	f, err := d.file()
	if err != nil {
		return nil, fmt.Errorf("cannot take over a connection: %w", err)
	}
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("cannot take over a connection: %w", err)
	}
	return c, nil
}

// Listener turns an owned descriptor into a listener. The descriptor is spent
// whether it works or not. Closing the listener leaves the other process's copy
// listening and a unix socket's file in place.
func (d *Descriptor) Listener() (net.Listener, error) {
	f, err := d.file()
	if err != nil {
		return nil, fmt.Errorf("cannot take over a listening socket: %w", err)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("cannot take over a listening socket: %w", err)
	}
	return l, nil
}

func (d *Descriptor) file() (*os.File, error) {
	if d == nil {
		return nil, errors.New("the message brought no descriptor")
	}
	if d.lender != nil {
		return nil, errors.New("the descriptor is borrowed")
	}
	fd := d.release()
	if fd < 0 {
		return nil, errGivenUp
	}
	return os.NewFile(uintptr(fd), "handed over"), nil
}
