//go:build unix

package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const programVariable = "PROCESS_TEST_PROGRAM"

// runProgram is what the test binary does when a test has started it.
func runProgram(name string, args []string) {
	switch name {
	case "print": // stdout text, stderr text, exit code
		fmt.Println(args[0])
		fmt.Fprintln(os.Stderr, args[1])
		code, _ := strconv.Atoi(args[2])
		os.Exit(code)
	case "wait":
		signal.Ignore(syscall.SIGPIPE) // nobody may read any more what it says
		fmt.Println("ready")
		forever()
	case "polite": // ends on SIGTERM, with a word
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Println("ready")
		<-term
		fmt.Println("bye")
	case "deaf": // does not end on SIGTERM
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		forever()
	case "long": // one line of so many bytes, then a short one
		n, _ := strconv.Atoi(args[0])
		chunk := bytes.Repeat([]byte("x"), 1<<16)
		for ; n > 0; n -= len(chunk) {
			os.Stdout.Write(chunk[:min(n, len(chunk))])
		}
		fmt.Println("\nend")
	case "tree": // a child, and a daemon with the given environment; prints their ids
		treeProgram(args)
	case "daemonize": // what a daemon does: a new session, an ended parent
		cmd := exec.Command(ownPath(), "x")
		cmd.Env = append(os.Environ(), programVariable+"=wait")
		if args[0] == "clean" {
			cmd.Env = []string{programVariable + "=wait"}
		}
		cmd.Stdout = os.Stdout // keeps the pipe
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		os.Stderr.WriteString(strconv.Itoa(cmd.Process.Pid))
	case "launcher": // ends at once and leaves a child
		cmd := exec.Command(ownPath())
		cmd.Env = append(os.Environ(), programVariable+"=wait")
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		fmt.Println("pid", cmd.Process.Pid)
	case "host":
		hostProgram(args)
	case "fullfile":
		fullFileProgram(args[0])
	default:
		panic("unknown program " + name)
	}
}

func ownPath() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

func treeProgram(args []string) {
	child := exec.Command(ownPath())
	child.Env = append(os.Environ(), programVariable+"=wait")
	child.Stdout = os.Stdout
	if err := child.Start(); err != nil {
		panic(err)
	}
	middle := exec.Command(ownPath(), args[0])
	middle.Env = append(os.Environ(), programVariable+"=daemonize")
	middle.Stdout = os.Stdout
	var daemon strings.Builder
	middle.Stderr = &daemon
	if err := middle.Run(); err != nil {
		panic(err)
	}
	fmt.Println("pids", os.Getpid(), child.Process.Pid, daemon.String())
	forever()
}

// forever waits. An empty select would be ended as a deadlock, in a build without the race detector.
func forever() { time.Sleep(time.Hour) }

// hostProgram is a host that starts the tree program and is then killed.
// Arguments: guard or none, kind of daemon.
func hostProgram(args []string) {
	sup, err := New(Options{Guard: args[0] == "guard", NoCgroups: true})
	if err != nil {
		panic(err)
	}
	p, err := sup.Start(program("tree", args[1]))
	if err != nil {
		panic(err)
	}
	follow := p.tail.Follow()
	for l := range follow.Lines() {
		if strings.HasPrefix(l.Text, "pids ") {
			fmt.Println(l.Text)
		}
	}
}

// program is the Spec of one of the programs above.
func program(name string, args ...string) Spec {
	return Spec{
		Name:    name,
		Command: append([]string{ownPath()}, args...),
		// The race detector otherwise waits a second before an exit.
		Env: append(os.Environ(), programVariable+"="+name, "GORACE=atexit_sleep_ms=0"),
	}
}

func newSupervisor(t *testing.T, opts Options) *Supervisor {
	t.Helper()
	sup, err := New(opts)
	if err != nil {
		t.Fatalf("a supervisor must start: %v", err)
	}
	t.Cleanup(func() {
		if err := sup.Close(); err != nil {
			t.Errorf("closing the supervisor: %v", err)
		}
	})
	return sup
}

func start(t *testing.T, sup *Supervisor, spec Spec) *Process {
	t.Helper()
	p, err := sup.Start(spec)
	if err != nil {
		t.Fatalf("the program must start: %v", err)
	}
	return p
}

// patience bounds every wait for a real process.
const patience = 20 * time.Second

func wantDone(t *testing.T, p *Process, why string) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatalf("%s: process %d has not ended", why, p.PID())
	}
}

// wantLine waits for a line with the prefix and returns the rest of it.
func wantLine(t *testing.T, p *Process, prefix string) string {
	t.Helper()
	f := p.tail.Follow()
	defer f.Close()
	limit := time.After(patience)
	for {
		select {
		case l := <-f.Lines():
			if rest, ok := strings.CutPrefix(l.Text, prefix); ok {
				return strings.TrimSpace(rest)
			}
		case <-p.Done():
			t.Fatalf("the program ended (%v) before it printed %q; it printed %v", p.Exit(), prefix, p.Tail())
		case <-limit:
			t.Fatalf("the program has not printed %q", prefix)
		}
	}
}

func pids(t *testing.T, text string) []int {
	t.Helper()
	var ids []int
	for f := range strings.FieldsSeq(text) {
		id, err := strconv.Atoi(f)
		if err != nil {
			t.Fatalf("a process id: %v", err)
		}
		ids = append(ids, id)
	}
	return ids
}

// eventually polls, since the end of a process that is nobody's child here has
// no other sign.
func eventually(t *testing.T, why string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", why)
		}
	}
}

func tailText(p *Process) string {
	var b strings.Builder
	for _, l := range p.Tail() {
		fmt.Fprintf(&b, "%s %s\n", l.Stream, l.Text)
	}
	return b.String()
}
