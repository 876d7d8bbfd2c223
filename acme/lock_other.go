//go:build !windows && (!unix || solaris || illumos || aix)

package acme

import (
	"errors"
	"os"
)

// tryLock fails: this system has no lock that ends with the process.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
