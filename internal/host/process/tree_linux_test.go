package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cgroupModes runs a test with and, where it can be, without cgroups.
func cgroupModes(t *testing.T, f func(t *testing.T, opts Options)) {
	t.Run("by group, parent and tag", func(t *testing.T) { f(t, Options{NoCgroups: true}) })
	t.Run("by cgroup", func(t *testing.T) {
		root, err := newCgroupRoot()
		if err != nil {
			t.Skipf("no writable version 2 cgroup tree: %v", err)
		}
		if err := root.remove(); err != nil {
			t.Fatal(err)
		}
		f(t, Options{})
	})
}

func TestKillEndsTheWholeTreeWithDaemons(t *testing.T) {
	cgroupModes(t, func(t *testing.T, opts Options) {
		sup := newSupervisor(t, opts)
		p := start(t, sup, program("tree", "tagged"))
		ids := pids(t, wantLine(t, p, "pids "))
		slices.Sort(ids)
		got := p.Tree()
		if got[0] != p.PID() {
			t.Errorf("the program itself comes first: %v", got)
		}
		slices.Sort(got)
		if d := cmp.Diff(ids, got); d != "" {
			t.Errorf("the tree is the program, its child, and the daemon that has left group and parent (-want +got):\n%s", d)
		}
		st := p.Stats()
		if st.Processes != 3 || st.RSS < 1<<20 || st.CPU < 0 {
			t.Errorf("stats %+v: three processes with their memory", st)
		}
		if err := p.Kill(); err != nil {
			t.Errorf("Kill: %v", err)
		}
		for _, id := range ids {
			if running(id) {
				t.Errorf("process %d survived Kill", id)
			}
		}
		wantDone(t, p, "it was killed")
		if e := p.Exit(); !e.Requested || e.Signal != syscall.SIGKILL {
			t.Errorf("exit %+v: killed on request", e)
		}
	})
}

func TestCgroupHoldsEvenWhoCleansItsEnvironment(t *testing.T) {
	root, err := newCgroupRoot()
	if err != nil {
		t.Skipf("no writable version 2 cgroup tree: %v", err)
	}
	root.remove()
	sup := newSupervisor(t, Options{})
	p := start(t, sup, program("tree", "clean"))
	ids := pids(t, wantLine(t, p, "pids "))
	if n := len(p.Tree()); n != 3 {
		t.Errorf("%d members, want 3: the kernel keeps the list", n)
	}
	if st := p.Stats(); st.Processes != 3 {
		t.Errorf("%d processes in the stats, want 3", st.Processes)
	}
	dir := p.tree.place()
	p.Kill()
	wantDone(t, p, "it was killed")
	for _, id := range ids {
		if running(id) {
			t.Errorf("process %d survived", id)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the cgroup of an ended tree is removed")
	}
}

func TestSubreaperEndsWhatEscapedAndReaps(t *testing.T) {
	sup := newSupervisor(t, Options{NoCgroups: true, Subreaper: true})
	p := start(t, sup, program("tree", "clean"))
	ids := pids(t, wantLine(t, p, "pids "))
	daemon := ids[2]
	st, err := readStat(daemon)
	if err != nil || st.ppid != os.Getpid() {
		t.Fatalf("the orphan's parent is the host: %+v, %v", st, err)
	}
	began := time.Now()
	p.Kill()
	wantDone(t, p, "it was killed, though the escaped daemon holds its pipe")
	if waited := time.Since(began); waited > outputLimit+patience/2 {
		t.Errorf("the pipe was waited for too long: %v", waited)
	}
	if !running(daemon) {
		t.Fatal("without group, parent and tag nothing says whose the daemon was")
	}
	syscall.Kill(daemon, syscall.SIGKILL)
	eventually(t, "a dead orphan does not stay as a zombie", func() bool {
		_, err := readStat(daemon)
		return err != nil
	})

	p = start(t, sup, program("tree", "clean"))
	daemon = pids(t, wantLine(t, p, "pids "))[2]
	cmd := exec.Command("/bin/sh", "-c", "exit 7") // started by other code
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("exit statuses of other code's children are left alone: %v", err)
	}
	if err := sup.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := readStat(daemon); err == nil {
		t.Error("Close leaves no orphan, not even as a zombie")
	}
}

// startHost runs the host program and returns it with the ids of its tree.
func startHost(t *testing.T, args ...string) (*exec.Cmd, []int) {
	t.Helper()
	cmd := exec.Command(ownPath(), args...)
	cmd.Env = append(os.Environ(), programVariable+"=host")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	buf := make([]byte, 200)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatalf("the host has started nothing: %v", err)
	}
	text, _ := strings.CutPrefix(strings.TrimSpace(string(buf[:n])), "pids ")
	return cmd, pids(t, text)
}

func TestNothingOutlivesAKilledHostWithItsGuard(t *testing.T) {
	host, ids := startHost(t, "guard", "tagged")
	guard := childNamed(t, host.Process.Pid, "lanner-guard")
	syscall.Kill(guard, syscall.SIGTERM) // as a service manager does to all; the guard must not mind
	host.Process.Kill()
	host.Wait()
	for i, who := range []string{"the program", "its child", "its daemon"} {
		eventually(t, who+" is gone", func() bool { return !running(ids[i]) })
	}
	eventually(t, "the guard ends when it has done its work", func() bool { return !running(guard) })
}

func TestOnlyTheProgramItselfDiesWithAKilledHostWithoutGuard(t *testing.T) {
	host, ids := startHost(t, "none", "tagged")
	t.Cleanup(func() {
		for _, id := range ids {
			syscall.Kill(id, syscall.SIGKILL)
		}
	})
	host.Process.Kill()
	host.Wait()
	eventually(t, "the kernel kills the direct child (Pdeathsig)", func() bool { return !running(ids[0]) })
	if !running(ids[1]) || !running(ids[2]) {
		t.Error("DESIGN.md says that grandchildren need the guard; if they do not any more, correct it")
	}
}

func childNamed(t *testing.T, parent int, arg0 string) int {
	t.Helper()
	all, err := snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.pid), "cmdline"))
		if s.ppid == parent && strings.HasPrefix(string(b), arg0+"\x00") {
			return s.pid
		}
	}
	t.Fatalf("process %d has no child %s", parent, arg0)
	return 0
}

func TestGuardIsReplacedAndToldWhatThereIs(t *testing.T) {
	sup := newSupervisor(t, Options{Guard: true, NoCgroups: true})
	p := start(t, sup, program("wait"))
	first := sup.guard.pid()
	syscall.Kill(first, syscall.SIGKILL)
	eventually(t, "a new guard is there", func() bool {
		id := sup.guard.pid()
		return id != 0 && id != first
	})
	eventually(t, "it knows the tree", func() bool {
		sup.guard.mu.Lock()
		defer sup.guard.mu.Unlock()
		return sup.guard.control != nil && len(sup.guard.trees) == 1
	})
	second := sup.guard.pid()
	if err := sup.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if running(second) || p.State() != Exited {
		t.Error("Close ends trees and guard")
	}
}

func TestGuardKillsOnlyWhatWasNotEnded(t *testing.T) {
	sup := newSupervisor(t, Options{NoCgroups: true})
	ended := start(t, sup, program("wait"))
	left := start(t, sup, program("wait"))
	wantLine(t, ended, "ready")
	wantLine(t, left, "ready")
	script := guardMessage{guardStarted, ended.tree}.String() +
		guardMessage{guardExpect, left.tree}.String() +
		guardMessage{guardStarted, left.tree}.String() +
		guardMessage{guardEnded, ended.tree}.String() +
		"started " + ended.tree.tag + " 1" // torn off
	guardTrees(strings.NewReader(script))
	wantDone(t, left, "it was on the list")
	if !running(ended.PID()) {
		t.Error("a tree whose end was told is not touched")
	}
}

func FuzzGuardMessage(f *testing.F) {
	f.Add(`started ABCDEFGHIJKLMNOPQRSTUVWXYZ 123 456 "/sys/fs/cgroup/a b"`)
	f.Add(`expect ABCDEFGHIJKLMNOPQRSTUVWXYZ 0 0 ""`)
	f.Add(`started ABCDEFGHIJKLMNOPQRSTUVWXYZ 1 0 ""`)
	f.Fuzz(func(t *testing.T, line string) {
		m, err := parseGuardMessage(line)
		if err != nil {
			return
		}
		if m.tree.pid == 1 || m.tree.pid < 0 || m.tree.tag == "" {
			t.Fatalf("%q would kill process %d, tag %q", line, m.tree.pid, m.tree.tag)
		}
		again, err := parseGuardMessage(strings.TrimSuffix(m.String(), "\n"))
		if err != nil || again.String() != m.String() {
			t.Errorf("%q is read back as %q, %v", m, again, err)
		}
	})
}

func TestSupervisorInsideTheGuardIsAnError(t *testing.T) {
	t.Setenv(guardVariable, "1")
	sup, err := New(Options{Guard: true})
	if err == nil {
		sup.Close()
		t.Fatal("a guard that starts guards would never end")
	}
	if !strings.Contains(err.Error(), "RunGuard") {
		t.Errorf("the error says what to do: %v", err)
	}
}

func FuzzParseStat(f *testing.F) {
	own, _ := os.ReadFile("/proc/self/stat")
	f.Add(own)
	f.Add([]byte("12 (a ) b) S 1 2 3 0 -1 0 0 0 0 0 10 20 30 40 0 0 1 0 555 1000 7 0\n"))
	f.Add([]byte("12 (x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseStat(b); err == nil && s.pid <= 0 {
			t.Errorf("%q gives process %d", b, s.pid)
		}
	})
}

func TestStatIsReadPastOddNames(t *testing.T) {
	s, err := parseStat([]byte("12 (a ) R b) S 1 2 3 0 -1 0 0 0 0 0 10 20 30 40 0 0 1 0 555 1000 7 0\n"))
	want := procStat{pid: 12, ppid: 1, pgrp: 2, state: 'S', cpu: 100, start: 555, rss: 7}
	if err != nil || s != want {
		t.Errorf("got %+v, %v, want %+v: the name may hold blanks and parentheses", s, err, want)
	}
}

func TestOwnCgroupIsFoundInTheMountTable(t *testing.T) {
	const hybrid = `24 30 0:22 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
25 30 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw
`
	const pure = "35 25 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	const sub = "35 25 0:30 /docker/abc /sys/fs/cg\\040roup rw - cgroup2 cgroup rw\n"
	cases := []struct{ why, mounts, own, want string }{
		{"version 2 beside version 1", hybrid, "9:memory:/x\n0::/system.slice/lanner.service\n", "/sys/fs/cgroup/unified/system.slice/lanner.service"},
		{"version 2 alone, at the root", pure, "0::/\n", "/sys/fs/cgroup"},
		{"a part of the tree is mounted", sub, "0::/docker/abc/x\n", "/sys/fs/cg roup/x"},
		{"another part is mounted", sub, "0::/docker/abcd\n", ""},
		{"version 1 only", "24 30 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw\n", "9:memory:/x\n", ""},
		{"outside of the own namespace", pure, "0::/../x\n", ""},
		{"nothing mounted", "", "0::/\n", ""},
	}
	for _, c := range cases {
		got, err := ownCgroupDir([]byte(c.mounts), []byte(c.own))
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.why, got, err, c.want)
		}
	}
}

func TestCgroupsOfKilledHostsAreRemoved(t *testing.T) {
	base := t.TempDir()
	stale, alive := base+"/lanner-999999999-1", base+"/lanner-1-1"
	for _, dir := range []string{stale + "/TAG", alive, base + "/lanner-x"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := makeCgroupRoot(base); err == nil {
		t.Error("a folder without cgroup.kill is no use")
	}
	left, _ := filepath.Glob(base + "/*")
	if d := cmp.Diff([]string{alive, base + "/lanner-x"}, left); d != "" {
		t.Errorf("left (-want +got):\n%s", d)
	}
}
