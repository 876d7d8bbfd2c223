//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package tlsconfig

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock that a file stands for; the kernel gives it back when the process ends. unlock is nil when another has it. The file
// stays: to remove it would let two have the lock.
func tryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, f.Close()
	case err != nil:
		f.Close()
		return nil, &os.PathError{Op: "flock", Path: path, Err: err}
	}
	return func() { f.Close() }, nil
}
