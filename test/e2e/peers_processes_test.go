//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// stat reads the state and the parent of a process; ok is false when there is none.
func stat(pid int) (state byte, parent int, ok bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, false
	}
	_, rest, ok := bytes.Cut(data[bytes.LastIndexByte(data, ')'):], []byte(" ")) // the name before may hold anything
	if !ok {
		return 0, 0, false
	}
	n, err := fmt.Sscanf(string(rest), "%c %d", &state, &parent)
	return state, parent, n == 2 && err == nil
}

// alive reports whether a process runs. One that has ended and that nobody has waited for does not.
func alive(pid int) bool {
	state, _, ok := stat(pid)
	return ok && state != 'Z' && state != 'X'
}

// processes lists the ids of all processes.
func processes() []int {
	var pids []int
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// tree lists a process and all its descendants.
func tree(root int) []int {
	children := make(map[int][]int)
	for _, pid := range processes() {
		if _, parent, ok := stat(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	pids := []int{root}
	for i := 0; i < len(pids); i++ {
		pids = append(pids, children[pids[i]]...)
	}
	return pids
}

// marked lists the living processes with this variable in their environment.
func marked(variable string) []int {
	var pids []int
	for _, pid := range processes() {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(append([]byte{0}, data...), []byte("\x00"+variable+"\x00")) && alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// describe says what processes are.
func describe(pids []int) string {
	var lines []string
	for _, pid := range pids {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		state, parent, _ := stat(pid)
		lines = append(lines, fmt.Sprintf("%d (%c, child of %d): %s", pid, state, parent, bytes.ReplaceAll(data, []byte{0}, []byte(" "))))
	}
	return strings.Join(lines, "\n")
}

// memory returns the resident octets of a process.
func memory(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(data, []byte("VmRSS:"))
	var kib int64
	if _, err := fmt.Sscanf(string(rest), "%d kB", &kib); err != nil {
		return 0, fmt.Errorf("process %d has no VmRSS: %w", pid, err)
	}
	return kib << 10, nil
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
