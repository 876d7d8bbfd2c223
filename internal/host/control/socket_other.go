//go:build !unix

package control

import (
	"errors"
	"io/fs"
	"syscall"
)

// narrow does nothing: the access list of the folder protects the socket.
func narrow(_, _ string, _ syscall.RawConn) error { return nil }

// wsaeconnrefused is WSAECONNREFUSED of Windows Sockets, which package syscall does not name.
const wsaeconnrefused = syscall.Errno(10061)

func refused(err error) bool {
	return errors.Is(err, wsaeconnrefused) || errors.Is(err, fs.ErrNotExist)
}

func checkFolder(string, fs.FileInfo) error { return nil }

// lock does nothing here: a socket file in use cannot be removed on Windows.
type lock struct{}

func takeLock(string) (*lock, error) { return &lock{}, nil }

func (*lock) release() error { return nil }
