//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package filelock

import (
	"errors"
	"os"
)

const noFollow = 0

// try fails: this system has no lock that ends with the process.
func try(*os.File) error { return errors.ErrUnsupported }
