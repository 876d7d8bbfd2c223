// Package filelock locks files against other processes, and against other parts of this one. A lock is advisory, belongs to an open file,
// and ends when that is closed or its process ends, by whatever means: a file that was left behind does no harm.
//
// It has flock(2) on Linux, macOS and the BSDs, LockFileEx on Windows, and says elsewhere that it cannot.
package filelock

import (
	"errors"
	"os"
)

// ErrLocked is returned for a lock that another open file has.
var ErrLocked = errors.New("another process holds the lock")

// Open creates the file at path, unless it is there, and takes its lock without waiting. The caller closes the file to give the lock back,
// and may remove it before that: whoever opened it in the meantime takes the next file of this name. Errors are ErrLocked, an
// *os.PathError, and one that is errors.ErrUnsupported on a system without such locks. A symbolic link in the file's place is not followed.
func Open(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
		if err != nil {
			return nil, err
		}
		if err := try(f); err != nil {
			f.Close()
			if err == ErrLocked {
				return nil, err
			}
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		if is(f, path) {
			return f, nil
		}
		f.Close() // its last owner has removed it between our open and our lock
	}
}

// is reports whether path still names f.
func is(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(mine, there)
}
