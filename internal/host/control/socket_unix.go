//go:build unix

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/lannerhq/lanner/internal/filelock"
	"golang.org/x/sys/unix"
)

// narrow gives the socket a mode before it has a name. On Linux, bind(2) makes the file with the mode of the descriptor,
// less the umask, so there is no moment in which everybody may connect. Elsewhere this does nothing and the folder protects.
func narrow(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), 0o600) })
}

func refused(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// checkFolder refuses a folder in which others can replace the socket.
func checkFolder(dir string, st fs.FileInfo) error {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if ok && sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
		return fmt.Errorf("cannot put the control socket into %s: it belongs to user %d; choose another control.socket", dir, sys.Uid)
	}
	if st.Mode().Perm()&0o002 != 0 && st.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("cannot put the control socket into %s: everybody may write there (mode %#o); "+
			"chmod o-w it or choose another control.socket", dir, st.Mode().Perm())
	}
	return nil
}

// lock is a locked file. The system releases the lock when the process ends, by whatever means; the file may then stay,
// and does no harm.
type lock struct{ file *os.File }

// takeLock locks the file at path, which it creates.
func takeLock(path string) (*lock, error) {
	f, err := filelock.Open(path)
	if err != nil {
		return nil, err
	}
	return &lock{f}, nil
}

// release removes the file while it is still locked, so that nobody else's is removed.
func (l *lock) release() error {
	return errors.Join(os.Remove(l.file.Name()), l.file.Close())
}
