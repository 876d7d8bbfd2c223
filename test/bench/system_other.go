//go:build !linux

package main

import (
	"fmt"
	"runtime"
	"syscall"
)

// supported says what this system lacks. Nothing else here is reached without it.
func supported() error {
	return fmt.Errorf("%w: CPU time is read from /proc, which %s does not have; run it on Linux", errUnavailable, runtime.GOOS)
}

func ownGroup() *syscall.SysProcAttr { return nil }
func terminate(int) error            { return supported() }
func kill(int) error                 { return supported() }
func maxOpenFiles() int              { return 0 }
