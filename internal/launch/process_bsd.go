//go:build unix && !linux

package launch

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func separateForLife(cmd *exec.Cmd, group bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: group}
}

// wait waits for the end of the program and ends what it left running in its group.
func (t *tree) wait() error {
	err := t.cmd.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reaped = true
	if !t.shared {
		unix.Kill(-t.cmd.Process.Pid, unix.SIGKILL)
	}
	return err
}

type birth struct{}

func birthOf(int) birth { return birth{} }

// killStragglers does nothing: which processes of the group are whose cannot be told here.
func killStragglers(birth) {}
