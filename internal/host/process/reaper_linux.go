package process

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// reaper waits for children that this program never started: orphans that the
// kernel gave to it because it is process 1 or a subreaper. Without it they
// would stay as zombies.
type reaper struct {
	sup       *Supervisor
	subreaper bool
	chld      chan os.Signal
	quit      chan struct{}
	done      chan struct{}
}

// newReaper returns nil when no orphan can come here.
func newReaper(s *Supervisor, subreaper bool) (*reaper, error) {
	if !subreaper && os.Getpid() != 1 {
		return nil, nil
	}
	if subreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("cannot become a subreaper: %w", err)
		}
	}
	r := &reaper{
		sup: s, subreaper: subreaper,
		chld: make(chan os.Signal, 1),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	signal.Notify(r.chld, unix.SIGCHLD)
	go r.loop()
	return r, nil
}

func (r *reaper) loop() {
	defer close(r.done)
	for {
		select {
		case <-r.chld:
			r.reap()
		case <-r.quit:
			return
		}
	}
}

// reap waits for all adopted zombies. It never uses wait(-1), which would take
// the exit status away from whoever started the process.
func (r *reaper) reap() {
	r.sup.forkMu.Lock()
	defer r.sup.forkMu.Unlock()
	for _, s := range r.adopted() {
		if !s.alive() {
			unix.Wait4(s.pid, nil, unix.WNOHANG, nil)
		}
	}
}

// adopted lists the children that came here as orphans: not one of ours, and not
// in this program's own process group, where children started by other code are,
// and no member of a tree ever is. The caller holds forkMu.
func (r *reaper) adopted() []procStat {
	all, err := snapshot()
	if err != nil {
		return nil
	}
	self, group := os.Getpid(), unix.Getpgrp()
	known := make(map[int]bool)
	for _, p := range r.sup.Processes() {
		known[p.PID()] = true
	}
	if r.sup.guard != nil {
		known[r.sup.guard.pid()] = true
	}
	var list []procStat
	for _, s := range all {
		if s.ppid == self && s.pgrp != group && !known[s.pid] {
			list = append(list, s)
		}
	}
	return list
}

// close ends whatever orphan is left and stops the reaper. No tree lives any
// more, so every orphan has escaped from one.
func (r *reaper) close() error {
	signal.Stop(r.chld)
	close(r.quit)
	<-r.done
	r.sup.forkMu.Lock()
	defer r.sup.forkMu.Unlock()
	for range maxOrphanDepth {
		list := r.adopted()
		for _, s := range list {
			killExactly(s)
			unix.Wait4(s.pid, nil, 0, nil)
		}
		if len(list) == 0 {
			break
		}
	}
	if !r.subreaper {
		return nil
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
}

// maxOrphanDepth bounds the rounds of close: with each orphan killed, its own
// children come here.
const maxOrphanDepth = 100
