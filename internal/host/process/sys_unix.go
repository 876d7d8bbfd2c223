//go:build unix

package process

import (
	"errors"
	"os"
	"syscall"
)

func isExecFormat(err error) bool { return errors.Is(err, syscall.ENOEXEC) }

// signalGroup needs no pidfd: on Linux the caller holds pidMu and the process is
// not reaped, so neither its id nor its group's can belong to anyone else; of the
// other unixes see awaitExit. (Signals to the single process through os.Process
// use a pidfd since Go 1.23.)
func (p *Process) signalGroup(sig os.Signal) error {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return errors.ErrUnsupported
	}
	err := syscall.Kill(-p.tree.pid, s)
	if err == syscall.ESRCH {
		return os.ErrProcessDone
	}
	return err
}
