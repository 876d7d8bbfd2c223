package launch

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// separateForLife makes the kernel kill the program when we end by whatever means. "The 'parent' in this case is considered
// to be the thread that created this process" (PR_SET_PDEATHSIG), so that thread must be kept.
func separateForLife(cmd *exec.Cmd, group bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: group, Pdeathsig: syscall.SIGKILL}
}

// wait waits for the end of the program and ends what it left running, while it is a zombie still, which keeps its id and
// that of its group from being given to anyone else.
func (t *tree) wait() error {
	for unix.Waitid(unix.P_PID, t.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.killLocked()
	err := t.cmd.Wait()
	t.reaped = true
	return err
}

// birth is when a process started, in clock ticks after boot: with its id it names one process for ever.
type birth struct {
	pid   int
	start uint64
}

func birthOf(pid int) birth {
	s, _ := readStat(pid)
	return birth{pid: pid, start: s.start}
}

// stat is a part of /proc/PID/stat, see proc_pid_stat(5).
type stat struct {
	pid, ppid, group int
	start            uint64
}

func readStat(pid int) (stat, bool) {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, false
	}
	// The name in parentheses may hold anything, so the fields are counted from the last one.
	f := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	if len(f) < 20 {
		return stat{}, false
	}
	ppid, err1 := strconv.Atoi(string(f[1]))
	group, err2 := strconv.Atoi(string(f[2]))
	start, err3 := strconv.ParseUint(string(f[19]), 10, 64)
	return stat{pid, ppid, group, start}, err1 == nil && err2 == nil && err3 == nil
}

// killStragglers kills what the program started, where that shares our process group. It is told from the neighbours in a
// pipeline ("lanner run | tee log"), which are in the group too, by two signs: it is younger than the program, and our
// parent, the shell, is not its parent.
func killStragglers(program birth) {
	entries, err := os.ReadDir("/proc")
	if err != nil || program.start == 0 {
		return
	}
	us, shell, group := os.Getpid(), os.Getppid(), unix.Getpgrp()
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == us || pid == program.pid {
			continue
		}
		s, ok := readStat(pid)
		if ok && s.group == group && s.ppid != shell && s.ppid != us && s.start >= program.start {
			killExactly(s)
		}
	}
}

// killExactly kills the process that was seen and no other that has got its id since: os.Process pins it by a pidfd, and the
// start time proves that it is the one.
func killExactly(seen stat) {
	p, err := os.FindProcess(seen.pid)
	if err != nil {
		return
	}
	defer p.Release()
	if now, ok := readStat(seen.pid); ok && now.start == seen.start {
		p.Kill()
	}
}
