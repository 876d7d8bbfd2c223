//go:build unix

package process

import (
	"errors"
	"syscall"
)

func isExecFormat(err error) bool { return errors.Is(err, syscall.ENOEXEC) }
