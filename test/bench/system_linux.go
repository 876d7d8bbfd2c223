package main

import (
	"errors"
	"fmt"
	"syscall"
)

// ownGroup puts a child into a process group of its own, so that Ctrl-C reaches this program alone, and ends it with this
// program, however that ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// terminate asks a process to end.
func terminate(pid int) error { return send(pid, syscall.SIGTERM) }

// kill ends a process.
func kill(pid int) error { return send(pid, syscall.SIGKILL) }

func send(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("cannot send %v to process %d: %w", sig, pid, err)
	}
	return nil
}

// maxOpenFiles is how many descriptors this process may have open; the Go runtime has raised it to the hard limit.
func maxOpenFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<30))
}

// supported says what this system lacks.
func supported() error { return nil }
