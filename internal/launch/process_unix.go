//go:build unix

package launch

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// tree is the program and what it started.
//
// With a terminal it stays in our process group, where it can read the terminal and gets Ctrl-C and Ctrl-\ from the
// terminal itself; passing them on would make two of one. Without a terminal it has a process group of its own, and gets
// signals from nobody but us.
type tree struct {
	cmd    *exec.Cmd
	shared bool // our process group, the terminal's
	born   birth

	mu     sync.Mutex
	reaped bool // the ids may belong to somebody else
}

func startTree(cmd *exec.Cmd, shared bool) (*tree, error) {
	separateForLife(cmd, !shared)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &tree{cmd: cmd, shared: shared, born: birthOf(cmd.Process.Pid)}, nil
}

// signal passes on a signal that was sent to us.
func (t *tree) signal(sig os.Signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := sig.(syscall.Signal)
	switch {
	case t.reaped || !ok:
	case t.shared && (s == syscall.SIGINT || s == syscall.SIGQUIT):
		// The terminal has sent it to the whole group.
	case t.shared:
		t.cmd.Process.Signal(s)
	default:
		unix.Kill(-t.cmd.Process.Pid, s)
	}
}

// kill ends the program and what it started.
func (t *tree) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.killLocked()
}

func (t *tree) killLocked() {
	switch {
	case t.reaped:
	case t.shared:
		t.cmd.Process.Kill()
		killStragglers(t.born)
	default:
		unix.Kill(-t.cmd.Process.Pid, unix.SIGKILL)
	}
}

// sharesTerminal reports whether stdin is our controlling terminal and we are in front of it, so that its keys send signals
// to our process group. The request TIOCGPGRP fails on everything that is not the controlling terminal.
func sharesTerminal(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	front, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && front == unix.Getpgrp()
}

// separate gives a helper a process group of its own.
func separate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func interruptGroup(p *os.Process) error { return unix.Kill(-p.Pid, unix.SIGINT) }
