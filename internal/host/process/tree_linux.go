package process

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

type treePlatform struct {
	cgroup *cgroup // nil where there is none
}

// members returns the processes of the tree that are still alive. With a cgroup
// the kernel keeps the list. The rest finds what a cgroup cannot hold or is not
// there to hold, in three steps: the root and its process group, then all
// descendants by parent, then whoever carries the tag, with descendants.
func (t *tree) members() ([]procStat, error) {
	all, err := snapshot()
	if err != nil {
		return nil, err
	}
	in := make(map[int]bool)
	if t.cgroup != nil {
		for _, pid := range t.cgroup.pids() {
			in[pid] = true
		}
	}
	for _, s := range all {
		if t.pid != 0 && (s.pid == t.pid || s.pgrp == t.pid) && s.start >= t.start {
			in[s.pid] = true
		}
	}
	addDescendants(all, in)
	entry := TagVariable + "=" + t.tag
	self := os.Getpid()
	for _, s := range all {
		// Nothing older than the root can be its descendant.
		if !in[s.pid] && s.alive() && s.start >= t.start && s.pid != self && environHas(s.pid, entry) {
			in[s.pid] = true
		}
	}
	addDescendants(all, in)
	return slices.DeleteFunc(all, func(s procStat) bool { return !in[s.pid] || !s.alive() }), nil
}

func addDescendants(all []procStat, in map[int]bool) {
	for grown := true; grown; {
		grown = false
		for _, s := range all {
			if !in[s.pid] && in[s.ppid] {
				in[s.pid], grown = true, true
			}
		}
	}
}

// killOnce sends SIGKILL to whoever is there now and returns their ids.
func (t *tree) killOnce() ([]int, error) {
	if t.cgroup != nil {
		t.cgroup.kill()
	}
	found, err := t.members()
	if err != nil {
		// Without /proc there is still the process group.
		if t.pid != 0 && unix.Kill(-t.pid, unix.SIGKILL) == nil {
			return []int{t.pid}, nil
		}
		return nil, nil
	}
	var left []int
	for _, s := range found {
		left = append(left, s.pid)
		killExactly(s)
	}
	return left, nil
}

// killExactly kills the process that s describes and no other that has got its
// id since: the descriptor pins the process, the start time proves that it is
// the one that was seen.
func killExactly(s procStat) {
	fd, err := unix.PidfdOpen(s.pid, 0)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // before Linux 5.3, or seccomp
		unix.Kill(s.pid, unix.SIGKILL)
		return
	}
	if err != nil {
		return // gone
	}
	defer unix.Close(fd)
	if now, err := readStat(s.pid); err != nil || now.start != s.start {
		return
	}
	unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// pids returns the ids of the living members; without /proc only the root.
func (t *tree) pids() []int {
	found, err := t.members()
	if err != nil {
		return []int{t.pid}
	}
	ids := make([]int, len(found))
	for i, s := range found {
		ids[i] = s.pid
	}
	return ids
}

// place names the tree's cgroup for the guard; empty without one.
func (t *tree) place() string {
	if t.cgroup == nil {
		return ""
	}
	return t.cgroup.dir
}

func (t *tree) setPlace(dir string) {
	if dir != "" {
		t.cgroup = &cgroup{dir: dir}
	}
}
