package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/filelock"
)

// socketMode lets the user and the group of the host connect. Connecting needs the right to write.
const socketMode = 0o660

// folderMode is for folders made here. The group must get through to the socket.
const folderMode = 0o750

// maxSocketPath is what fits into sockaddr_un everywhere, with the final zero: 104 on macOS and the BSDs, 108 on Linux.
const maxSocketPath = 103

// probeTimeout bounds the question whether somebody listens on a socket that is already there. A unix socket answers at
// once or, when its queue is full, not at all; both mean somebody has it.
const probeTimeout = time.Second

// socket is a listening unix socket and the lock that says whose it is.
//
// Two hosts that start together must not both find a stale socket and remove each other's new one. So the lock file beside
// the socket is taken first and held as long as the socket is there; whoever holds it may remove a socket nobody answers on.
type socket struct {
	*net.UnixListener
	path string
	own  fs.FileInfo // of the socket file, to remove no other
	lock *lock
}

// openSocket listens on path. It creates the folder, and removes a socket that nobody listens on any more.
func openSocket(path string) (*socket, error) {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := takeLock(path + ".lock")
	if errors.Is(err, filelock.ErrLocked) {
		return nil, &InUseError{path}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock control socket %s: %w", path, err)
	}
	s, err := bind(path)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	s.lock = lock
	return s, nil
}

func bind(path string) (*socket, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: narrow}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot open control socket %s: %w", path, err)
	}
	s := &socket{UnixListener: l.(*net.UnixListener), path: path}
	s.SetUnlinkOnClose(false) // remove does it, after a look whose file it is
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		os.Remove(path)
		return nil, fmt.Errorf("cannot set the mode of control socket %s: %w", path, err)
	}
	if s.own, err = os.Lstat(path); err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket %s is gone: %w", path, err)
	}
	return s, nil
}

// remove deletes the socket file, if it is still the one made here, and gives the lock back. The listener is closed.
func (s *socket) remove() error {
	var errs []error
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.own) {
		errs = append(errs, os.Remove(s.path))
	}
	return errors.Join(append(errs, s.lock.release())...)
}

// removeStale removes a socket file that nobody listens on. Anything else at that place is an error.
func removeStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look at control socket %s: %w", path, err)
	}
	if st.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("cannot open control socket %s: something that is not a socket is there (%s); move it away or change control.socket",
			path, st.Mode())
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		conn.Close()
		return &InUseError{path}
	}
	if !refused(err) {
		return fmt.Errorf("cannot tell whether control socket %s is in use: %w; if no host runs, remove it", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the stale control socket %s: %w", path, err)
	}
	return nil
}

func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("control.socket is empty")
	case isPipe(path):
		return fmt.Errorf("control.socket %s is a named pipe, which this version cannot open: give the path of a file, "+
			`such as C:\ProgramData\lanner\admin.sock (%w)`, path, errors.ErrUnsupported)
	case len(path) > maxSocketPath:
		return fmt.Errorf("control.socket %s has %d bytes, but a unix socket's path has room for %d: choose a shorter one",
			path, len(path), maxSocketPath)
	}
	return nil
}

func isPipe(path string) bool { return strings.HasPrefix(path, `\\.\pipe\`) }

// makeFolder creates the folder of the socket. One that is there must be safe: nobody else could otherwise be kept from
// putting a socket of his own into it.
func makeFolder(dir string) error {
	st, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return fmt.Errorf("cannot create the folder of the control socket: %w", err)
		}
		if err := os.Mkdir(dir, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("cannot create the folder of the control socket: %w", err)
		}
		st, err = os.Stat(dir)
	}
	if err != nil {
		return fmt.Errorf("cannot use the folder of the control socket: %w", err)
	}
	if !st.IsDir() {
		return fmt.Errorf("cannot put the control socket into %s: it is no folder", dir)
	}
	return checkFolder(dir, st)
}
