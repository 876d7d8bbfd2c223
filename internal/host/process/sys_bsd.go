//go:build unix && !linux

package process

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// Other unixes have process groups only: a process that leaves its group is lost
// from sight, and the host's sudden death is answered by the guard alone.

type platform struct{}

func (*platform) init(*Supervisor, Options) error  { return nil }
func (*platform) adopt(*Supervisor, Options) error { return nil }
func (*platform) close() error                     { return nil }

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

// awaitExit reaps first and ends the rest of the group then, since a wait that
// leaves the zombie is not to be had here. The group's id is free for others in
// between only if the group is empty, when there is nobody to kill.
func (p *Process) awaitExit() ExitStatus {
	st, _ := p.proc.Wait()
	exit := p.ending()
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if err := p.tree.kill(); err != nil {
		p.logOutlived(err)
	}
	p.reaped = true
	return exit.with(st)
}

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

// killOnce reports the group as left as long as a signal reaches it. A zombie
// leader that is not yet reaped counts as gone: EPERM on macOS.
func (t *tree) killOnce() ([]int, error) {
	if t.pid == 0 || syscall.Kill(-t.pid, syscall.SIGKILL) != nil {
		return nil, nil
	}
	return []int{t.pid}, nil
}

func (t *tree) pids() []int    { return []int{t.pid} }
func (t *tree) stats() Stats   { return Stats{} }
func (t *tree) release() error { return nil }

func (t *tree) place() string   { return "" }
func (t *tree) setPlace(string) {}
