package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is CPU time as /proc counts it.
type ticks int64

// tickLength is the unit of times in /proc on every architecture that Go runs on (USER_HZ).
const tickLength = 10 * time.Millisecond

func (t ticks) duration() time.Duration { return time.Duration(t) * tickLength }

// procStat is a process at one moment.
type procStat struct {
	parent int
	cpu    ticks  // user and system time
	start  uint64 // ticks from boot; tells processes apart that had the same number
}

// parseStat reads /proc/PID/stat. The name in it is in parentheses and may hold anything, parentheses too.
func parseStat(text string) (procStat, error) {
	i := strings.LastIndexByte(text, ')')
	if i < 0 {
		return procStat{}, errors.New("stat has no program name")
	}
	fields := strings.Fields(text[i+1:]) // from field 3 of proc_pid_stat(5) on
	if len(fields) < 20 {
		return procStat{}, fmt.Errorf("stat has %d fields after the program name", len(fields))
	}
	parent, err1 := strconv.Atoi(fields[1])
	user, err2 := strconv.ParseInt(fields[11], 10, 64)
	system, err3 := strconv.ParseInt(fields[12], 10, 64)
	start, err4 := strconv.ParseUint(fields[19], 10, 64)
	return procStat{parent, ticks(user + system), start}, errors.Join(err1, err2, err3, err4)
}

// processes are all processes of the machine.
func processes() (map[int]procStat, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	all := make(map[int]procStat)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		if all[pid], err = parseStat(string(text)); err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	return all, nil
}

// descendants are the roots and all processes below them.
func descendants(all map[int]procStat, roots []int) map[int]procStat {
	children := make(map[int][]int)
	for pid, p := range all {
		children[p.parent] = append(children[p.parent], pid)
	}
	found := make(map[int]procStat)
	for queue := roots; len(queue) > 0; queue = queue[1:] {
		pid := queue[0]
		if p, alive := all[pid]; alive {
			found[pid] = p
			queue = append(queue[:len(queue):len(queue)], children[pid]...)
		}
	}
	return found
}

// cpuBetween is the CPU time that a process tree spent from one moment to another. A process that ended in between took
// its share with it, which would make the server look cheap.
func cpuBetween(before, after map[int]procStat) (time.Duration, error) {
	var sum ticks
	for _, p := range after {
		sum += p.cpu
	}
	for pid, p := range before {
		if after[pid].start != p.start {
			return 0, fmt.Errorf("process %d of the server ended during the measurement", pid)
		}
		sum -= p.cpu
	}
	if sum <= 0 {
		return 0, errors.New("the server spent no CPU time")
	}
	return sum.duration(), nil
}

// memoryOf sums a field of /proc/PID/status, such as VmRSS or RssAnon, in bytes. What processes share is in each of them.
func memoryOf(tree map[int]procStat, field string) (int64, error) {
	var sum int64
	for pid := range tree {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return 0, err
		}
		kib, err := parseStatus(string(text), field)
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		sum += kib << 10
	}
	return sum, nil
}

// parseStatus returns a field in KiB.
func parseStatus(text, field string) (int64, error) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		}
	}
	return 0, fmt.Errorf("its status has no %s", field)
}

// machineTicks is the time that all CPUs of the machine were busy, or taken away by the hypervisor.
func machineTicks() (ticks, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseMachine(string(text))
}

// parseMachine sums the first line of /proc/stat: user nice system idle iowait irq softirq steal.
func parseMachine(text string) (ticks, error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %.80q", line)
	}
	var sum ticks
	for i, field := range fields[1:9] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != 3 && i != 4 {
			sum += ticks(n)
		}
	}
	return sum, nil
}
