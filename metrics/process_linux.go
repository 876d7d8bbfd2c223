package metrics

import (
	"bytes"
	"io"
	"math"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// All of this is read in proc(5), or with getrusage(2) and getrlimit(2).

func cpuSeconds() (float64, bool) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0, false
	}
	return (time.Duration(usage.Utime.Nano()) + time.Duration(usage.Stime.Nano())).Seconds(), true
}

// openFiles counts the entries of /proc/self/fd. Since Linux 6.2 the size of the folder is their number; before it is 0.
func openFiles() (float64, bool) {
	if info, err := os.Stat("/proc/self/fd"); err == nil && info.Size() > 0 {
		return float64(info.Size()), true
	}
	return countFiles("/proc/self/fd")
}

// countFiles counts in steps, so that a process with many files does not get all their names at once.
func countFiles(folder string) (float64, bool) {
	dir, err := os.Open(folder)
	if err != nil {
		return 0, false
	}
	defer dir.Close()
	n := -1 // dir itself
	for {
		names, err := dir.Readdirnames(512)
		n += len(names)
		switch err {
		case nil:
		case io.EOF:
			return float64(n), true
		default:
			return 0, false
		}
	}
}

func maxFiles() (float64, bool) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0, false
	}
	if limit.Cur == math.MaxUint64 {
		return math.Inf(1), true
	}
	return float64(limit.Cur), true
}

func virtualMemory() (float64, bool)  { return memory(0) }
func residentMemory() (float64, bool) { return memory(1) }

// memory returns a field of /proc/self/statm, which counts pages.
func memory(field int) (float64, bool) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	pages, ok := number(bytes.Fields(data), field)
	return pages * pageSize(), ok
}

func startTime() (float64, bool) { return bootRelativeStart(), true }

// clockTicks is USER_HZ, the unit of times in /proc: 100 on all of Go's platforms.
const clockTicks = 100

// bootRelativeStart returns when the process was started: field 22 of /proc/self/stat, counted from the boot, whose time
// is in /proc/stat. Where one of them cannot be read, it is when this package was initialised.
var bootRelativeStart = sync.OnceValue(func() float64 {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return unixSeconds(started)
	}
	// The name, field 2, is in parentheses and may have spaces and parentheses itself. Field 3 comes after the last one.
	ticks, ok := number(bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]), 22-3)
	boot, found := bootTime()
	if !ok || !found {
		return unixSeconds(started)
	}
	return boot + ticks/clockTicks
})

// bootTime returns the line btime of /proc/stat.
func bootTime() (float64, bool) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			return number(bytes.Fields(rest), 0)
		}
	}
	return 0, false
}

func number(fields [][]byte, i int) (float64, bool) {
	if i >= len(fields) {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(fields[i]), 64)
	return v, err == nil
}
