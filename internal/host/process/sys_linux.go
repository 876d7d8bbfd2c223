package process

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// platform is the part of a Supervisor that only Linux has.
type platform struct {
	reaper *reaper // nil unless orphans come to this program

	cgroupMu sync.Mutex
	cgroups  *cgroupRoot // nil without; guarded by cgroupMu
}

func (pl *platform) init(s *Supervisor, opts Options) error {
	if !opts.NoCgroups {
		root, err := newCgroupRoot()
		if err != nil {
			s.logEvent(slog.LevelInfo, eventNoCgroups, err)
		}
		pl.cgroups = root
	}
	return nil
}

// adopt makes orphans welcome. The guard is known by now.
func (pl *platform) adopt(s *Supervisor, opts Options) (err error) {
	pl.reaper, err = newReaper(s, opts.Subreaper)
	return err
}

func (pl *platform) close() error {
	var errs []error
	if pl.reaper != nil {
		errs = append(errs, pl.reaper.close())
	}
	return errors.Join(append(errs, pl.removeCgroups())...)
}

func (pl *platform) removeCgroups() error {
	pl.cgroupMu.Lock()
	defer pl.cgroupMu.Unlock()
	if pl.cgroups == nil {
		return nil
	}
	err := pl.cgroups.remove()
	pl.cgroups = nil
	return err
}

// launch forks the process, into a cgroup of its own if it can be.
func (s *Supervisor) launch(p *Process, argv []string, attr *os.ProcAttr) error {
	s.forkMu.Lock()
	defer s.forkMu.Unlock()
	attr.Sys = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.fork(p, argv, attr); err != nil {
		return err
	}
	if st, err := readStat(p.tree.pid); err == nil {
		p.tree.start = st.start
	}
	if s.guard != nil {
		s.guard.started(&p.tree)
	}
	s.add(p)
	return nil
}

func (s *Supervisor) fork(p *Process, argv []string, attr *os.ProcAttr) error {
	err := s.cgroupAttr(p, attr)
	if err == nil {
		err = s.forkNow(p, argv, attr)
	}
	if err == nil || p.tree.cgroup == nil {
		return err
	}
	// The cgroup may be the reason: clone3 forbidden by seccomp, no right to move
	// between cgroups. If it goes without, it goes without from now on.
	attr.Sys.UseCgroupFD = false
	p.tree.cgroup.remove()
	p.tree.cgroup = nil
	if again := s.forkNow(p, argv, attr); again != nil {
		return again
	}
	s.logEvent(slog.LevelInfo, eventNoCgroups, err)
	s.cgroupMu.Lock()
	s.cgroups = nil
	s.cgroupMu.Unlock()
	return nil
}

func (s *Supervisor) cgroupAttr(p *Process, attr *os.ProcAttr) error {
	s.cgroupMu.Lock()
	root := s.cgroups
	s.cgroupMu.Unlock()
	if root == nil {
		return nil
	}
	c, err := root.new(p.tree.tag)
	p.tree.cgroup = c
	if err == nil {
		attr.Sys.UseCgroupFD = true
	}
	return err
}

func (s *Supervisor) forkNow(p *Process, argv []string, attr *os.ProcAttr) error {
	if attr.Sys.UseCgroupFD {
		f, err := p.tree.cgroup.open()
		if err != nil {
			return err
		}
		defer f.Close()
		attr.Sys.CgroupFD = int(f.Fd())
	}
	return s.spawn.do(func() (err error) {
		p.started = time.Now()
		p.proc, err = os.StartProcess(p.path, argv, attr)
		if err == nil {
			p.tree.pid = p.proc.Pid
		}
		return err
	})
}

// awaitExit waits for the end of the program, ends the rest of the tree while
// the zombie still pins the process id and the group's id, and only then reaps.
func (p *Process) awaitExit() ExitStatus {
	for {
		err := unix.Waitid(unix.P_PID, p.tree.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	exit := p.ending()
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if err := p.tree.kill(); err != nil {
		p.logOutlived(err)
	}
	st, _ := p.proc.Wait()
	p.reaped = true
	return exit.with(st)
}

func (t *tree) release() error {
	if t.cgroup == nil {
		return nil
	}
	err := t.cgroup.remove()
	t.cgroup = nil
	return err
}

// userHZ is the unit of times in /proc/PID/stat: USER_HZ, 100 on every
// architecture that Go runs on.
const userHZ = 100

func (t *tree) stats() Stats {
	found, err := t.members()
	if err != nil {
		return Stats{}
	}
	var st Stats
	for _, s := range found {
		st.Processes++
		st.CPU += time.Duration(s.cpu) * (time.Second / userHZ)
		st.RSS += s.rss * int64(os.Getpagesize())
	}
	return st
}
