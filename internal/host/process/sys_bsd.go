//go:build unix && !linux

package process

import (
	"os"
	"syscall"
	"time"
)

// Other unixes have process groups only: a process that leaves its group is lost
// from sight, and the host's sudden death is answered by the guard alone.

type treePlatform struct{}

func (s *Supervisor) launch(p *Process, argv []string, attr *os.ProcAttr) error {
	s.forkMu.Lock()
	defer s.forkMu.Unlock()
	attr.Sys = &syscall.SysProcAttr{Setpgid: true}
	err := s.spawn.do(func() (err error) {
		p.started = time.Now()
		p.proc, err = os.StartProcess(p.path, argv, attr)
		return err
	})
	if err != nil {
		return err
	}
	p.tree.pid = p.proc.Pid
	if s.guard != nil {
		s.guard.started(&p.tree)
	}
	s.add(p)
	return nil
}

// killOnce reports the group as left as long as a signal reaches it. A zombie
// leader that is not yet reaped counts as gone: EPERM on macOS.
func (t *tree) killOnce() ([]int, error) {
	if t.pid == 0 || syscall.Kill(-t.pid, syscall.SIGKILL) != nil {
		return nil, nil
	}
	return []int{t.pid}, nil
}

func (t *tree) release() error { return nil }
