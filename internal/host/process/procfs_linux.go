package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// procStat is what this package needs of /proc/PID/stat, see proc_pid_stat(5).
type procStat struct {
	pid, ppid, pgrp int
	state           byte   // R, S, D, Z (zombie), X (dead), ...
	start           uint64 // clock ticks after boot; with pid it names one process for ever
	cpu             uint64 // user and system time with that of reaped children, clock ticks
	rss             int64  // pages
}

func (s procStat) alive() bool { return s.state != 'Z' && s.state != 'X' }

var errStatFormat = errors.New("unexpected format of /proc/PID/stat")

// parseStat reads one line of /proc/PID/stat. The second field is the program's
// name in parentheses and may itself hold blanks and parentheses, so the fields
// are counted from the last closing one.
func parseStat(line []byte) (procStat, error) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 1 || end < open {
		return procStat{}, errStatFormat
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(line[:open])))
	if err != nil || pid <= 0 {
		return procStat{}, errStatFormat
	}
	f := bytes.Fields(line[end+1:])
	if len(f) < 22 || len(f[0]) != 1 {
		return procStat{}, errStatFormat
	}
	num := func(field int) int64 { // field as numbered in the manual, from 4
		n, e := strconv.ParseInt(string(f[field-3]), 10, 64)
		if e != nil {
			err = errStatFormat
		}
		return n
	}
	s := procStat{
		pid: pid, state: f[0][0],
		ppid: int(num(4)), pgrp: int(num(5)),
		cpu:   uint64(num(14) + num(15) + num(16) + num(17)),
		start: uint64(num(22)),
		rss:   num(24),
	}
	return s, err
}

// readStat returns the stat of one process; an error if it is gone.
func readStat(pid int) (procStat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, err
	}
	return parseStat(b)
}

// snapshot returns all processes that can be seen. Processes come and go while
// it reads, so it is no instant in time.
func snapshot() ([]procStat, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []procStat
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", name, "stat"))
		if err != nil {
			continue // gone meanwhile
		}
		if s, err := parseStat(b); err == nil {
			all = append(all, s)
		}
	}
	return all, nil
}

// environHas reports whether the environment that pid was started with holds
// entry. False if it may not be read: another user's process, or a zombie.
func environHas(pid int, entry string) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	for kv := range bytes.SplitSeq(b, []byte{0}) {
		if string(kv) == entry {
			return true
		}
	}
	return false
}
