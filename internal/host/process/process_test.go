//go:build unix

package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestExitTellsCodeAndOutput(t *testing.T) {
	sup := newSupervisor(t, Options{})
	p := start(t, sup, program("print", "to stdout", "to stderr", "3"))
	if !p.Exit().At.IsZero() && p.State() != Exited {
		t.Error("there is no exit status before the end")
	}
	wantDone(t, p, "the program ends by itself")
	e := p.Exit()
	if e.Code != 3 || e.Signal != 0 || e.Requested || e.Clean() {
		t.Errorf("exit %+v: want code 3, by itself", e)
	}
	if e.String() != "exit code 3" {
		t.Errorf("exit in words is %q", e)
	}
	got := tailText(p)
	if !strings.Contains(got, "stdout to stdout\n") || !strings.Contains(got, "stderr to stderr\n") {
		t.Errorf("output is complete when Done is closed, both streams; got %q", got)
	}
	if p.State() != Exited {
		t.Errorf("state is %v after Done", p.State())
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal after the end must not reach whoever has the id now: %v", err)
	}
	if err := p.Kill(); err != nil {
		t.Errorf("Kill after the end does nothing: %v", err)
	}
	if p.Tree() != nil || (p.Stats() != Stats{}) {
		t.Error("an ended tree has no members and uses nothing")
	}
}

func TestForeignKillShowsAsNotRequested(t *testing.T) {
	sup := newSupervisor(t, Options{})
	p := start(t, sup, program("wait"))
	wantLine(t, p, "ready")
	syscall.Kill(p.PID(), syscall.SIGKILL)
	wantDone(t, p, "it was killed")
	if e := p.Exit(); e.Signal != syscall.SIGKILL || e.Requested || !strings.Contains(e.String(), "out-of-memory") {
		t.Errorf("exit %+v (%v): killed, not by the host, with a hint", e, e)
	}
}

func TestStartErrorsNameTheReason(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := write("plain", "echo", 0o600)
	noShebang := write("noshebang", "echo hi\n", 0o700)
	badShebang := write("badshebang", "#!/no/such/interpreter\n", 0o700)
	cases := []struct {
		why  string
		spec Spec
		want string
		is   error
	}{
		{"no command", Spec{}, "no command", nil},
		{"not in PATH", Spec{Command: []string{"no-such-program"}, Env: []string{"PATH=/bin"}}, `"no-such-program" is not in PATH (/bin)`, fs.ErrNotExist},
		{"relative PATH entries are skipped", Spec{Command: []string{"plain"}, Dir: dir, Env: []string{"PATH=."}}, "not in PATH", fs.ErrNotExist},
		{"absolute and missing", Spec{Command: []string{dir + "/none"}}, dir + "/none", fs.ErrNotExist},
		{"not executable", Spec{Command: []string{plain}}, plain, fs.ErrPermission},
		{"not executable in PATH", Spec{Command: []string{"plain"}, Env: []string{"PATH=" + dir}}, plain, fs.ErrPermission},
		{"no first line", Spec{Command: []string{noShebang}}, "#!/bin/sh", syscall.ENOEXEC},
		{"missing interpreter", Spec{Command: []string{badShebang}}, "interpreter", fs.ErrNotExist},
		{"missing directory", Spec{Command: []string{"/bin/sh"}, Dir: dir + "/none"}, "working directory", fs.ErrNotExist},
		{"directory is a file", Spec{Command: []string{"/bin/sh"}, Dir: plain}, "not a directory", nil},
		{"NUL byte", Spec{Command: []string{"/bin/sh", "a\x00b"}}, "NUL", nil},
	}
	sup := newSupervisor(t, Options{})
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			p, err := sup.Start(c.spec)
			if err == nil {
				p.Kill()
				t.Fatal("it must not start")
			}
			if !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %q: want %q, %v", err, c.want, c.is)
			}
		})
	}
}

func TestRelativeProgramsAreFoundFromDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/bin", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/bin/app", []byte("#!/bin/sh\necho \"in $(pwd) with $1\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	sup := newSupervisor(t, Options{})
	p := start(t, sup, Spec{Command: []string{"bin/app", "an argument"}, Dir: dir, Env: []string{"PATH=/usr/bin:/bin"}})
	wantDone(t, p, "a script ends")
	if got := tailText(p); !strings.HasSuffix(got, filepath.Base(dir)+" with an argument\n") {
		t.Errorf("the program runs in Dir and gets its arguments as they are: %q", got)
	}
}

func TestExtraFilesAreInheritedFromThree(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sup := newSupervisor(t, Options{})
	p := start(t, sup, Spec{Command: []string{"/bin/sh", "-c", "echo hello >&3"}, ExtraFiles: []*os.File{w}})
	w.Close()
	buf := make([]byte, 16)
	n, _ := r.Read(buf)
	if string(buf[:n]) != "hello\n" {
		t.Errorf("descriptor 3 is the first extra file; got %q", buf[:n])
	}
	wantDone(t, p, "the script ends")
}

func TestStopStepsComeInOrder(t *testing.T) {
	cases := []struct {
		why, program string
		graceful     func(context.Context, *Process) error
		quit         time.Duration
		want         []StopStep
		forced       bool
	}{
		{
			"the signal ends a polite program", "polite", nil, 0,
			[]StopStep{StepTerminate, StepExited}, false,
		},
		{
			"after an accepted request no signal is sent", "deaf",
			func(_ context.Context, p *Process) error { return syscall.Kill(p.PID(), syscall.SIGINT) }, 0,
			[]StopStep{StepGraceful, StepExited}, false,
		},
		{
			"a refused request is followed by the signal", "polite",
			func(context.Context, *Process) error { return errors.New("400") }, 0,
			[]StopStep{StepGraceful, StepTerminate, StepExited}, false,
		},
		{
			"a deaf program is killed at the limit", "deaf", nil, 0,
			[]StopStep{StepTerminate, StepKill, StepExited}, true,
		},
		{
			"SIGQUIT comes before the kill if asked for", "deaf", nil, patience,
			[]StopStep{StepTerminate, StepQuit, StepKill, StepExited}, true,
		},
	}
	sup := newSupervisor(t, Options{})
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			p := start(t, sup, program(c.program))
			wantLine(t, p, "ready")
			limit := patience
			if c.forced {
				limit = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			var got []StopStep
			opts := StopOptions{QuitWait: c.quit, Report: func(s StopStep, _ error) { got = append(got, s) }}
			if c.graceful != nil {
				opts.Graceful = func(ctx context.Context) error { return c.graceful(ctx, p) }
			}
			err := p.Stop(ctx, opts)
			if errors.Is(err, ErrForced) != c.forced {
				t.Errorf("error %v: forced must be %v", err, c.forced)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("steps (-want +got):\n%s", d)
			}
			if !p.Exit().Requested {
				t.Error("the end was asked for")
			}
			if c.quit > 0 && !strings.Contains(tailText(p), "goroutine") {
				t.Error("a Go program prints its stacks on SIGQUIT")
			}
			if err := p.Stop(t.Context(), StopOptions{}); err != nil {
				t.Errorf("stopping an ended process is no error: %v", err)
			}
		})
	}
}

func TestSecondStopOnlyWaits(t *testing.T) {
	sup := newSupervisor(t, Options{})
	p := start(t, sup, program("deaf"))
	wantLine(t, p, "ready")
	var first sync.WaitGroup
	asked := make(chan struct{})
	first.Go(func() {
		p.Stop(t.Context(), StopOptions{Graceful: func(context.Context) error { close(asked); return nil }})
	})
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	var steps []StopStep
	err := p.Stop(ctx, StopOptions{
		Graceful: func(context.Context) error { t.Error("the application is asked once"); return nil },
		Report:   func(s StopStep, _ error) { steps = append(steps, s) },
	})
	if !errors.Is(err, ErrForced) {
		t.Errorf("the shorter limit wins: %v", err)
	}
	if d := cmp.Diff([]StopStep{StepKill, StepExited}, steps); d != "" {
		t.Errorf("steps of the second stop (-want +got):\n%s", d)
	}
	first.Wait()
}

func TestRestOfTheTreeEndsWithTheProgram(t *testing.T) {
	sup := newSupervisor(t, Options{})
	p := start(t, sup, program("launcher"))
	wantDone(t, p, "the launcher ends, its child is killed and cannot hold the pipe")
	text := tailText(p)
	_, id, ok := strings.Cut(text, "pid ")
	if !ok {
		t.Fatalf("the launcher printed %q", text)
	}
	child := pids(t, strings.Fields(id)[0])[0]
	eventually(t, "the child is gone", func() bool { return !running(child) })
}

func TestCloseKillsWhatIsLeftAndRefusesMore(t *testing.T) {
	sup := newSupervisor(t, Options{})
	var all []*Process
	for range 3 {
		p := start(t, sup, program("deaf"))
		wantLine(t, p, "ready")
		all = append(all, p)
	}
	if n := len(sup.Processes()); n != 3 {
		t.Errorf("%d processes live, want 3", n)
	}
	if err := sup.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	for _, p := range all {
		if p.State() != Exited || running(p.PID()) {
			t.Errorf("process %d outlived Close", p.PID())
		}
	}
	if _, err := sup.Start(program("wait")); !errors.Is(err, ErrClosed) {
		t.Errorf("Start after Close: %v, want ErrClosed", err)
	}
	if len(sup.Processes()) != 0 {
		t.Error("no process is left")
	}
}

func TestStartWhileClosingLeavesNothing(t *testing.T) {
	for range 5 {
		sup := newSupervisor(t, Options{})
		started := make(chan *Process, 8)
		var starters sync.WaitGroup
		for range 8 {
			starters.Go(func() {
				if p, err := sup.Start(program("wait")); err == nil {
					started <- p
				} else if !errors.Is(err, ErrClosed) {
					t.Errorf("Start: %v", err)
				}
			})
		}
		if err := sup.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		starters.Wait()
		close(started)
		for p := range started {
			wantDone(t, p, "started while Close ran")
		}
	}
}

func TestLongLineCostsNoMemoryAndIsCut(t *testing.T) {
	const size = 10 << 20
	sup := newSupervisor(t, Options{})
	out := NewOutput(OutputOptions{Keep: 2 * size})
	spec := program("long", "10485760")
	spec.Output = out
	p := start(t, sup, spec)
	wantDone(t, p, "the program ends")
	lines := out.Tail()
	total := 0
	for i, l := range lines[:len(lines)-1] {
		total += len(l.Text)
		if len(l.Text) > MaxLine {
			t.Fatalf("line %d has %d bytes", i, len(l.Text))
		}
		if last := i == len(lines)-2; l.Partial == last {
			t.Errorf("part %d of %d: Partial is %v", i, len(lines)-1, l.Partial)
		}
	}
	if total != size {
		t.Errorf("nothing of a long line is lost: %d bytes of %d", total, size)
	}
	if l := lines[len(lines)-1]; l.Text != "end" || l.Partial {
		t.Errorf("the next line is itself again: %+v", l)
	}
	if kept := tailText(p); len(kept) > DefaultKeep+1000 {
		t.Errorf("the process remembers %d bytes", len(kept))
	}
}

func TestOneOutputServesSeveralProcesses(t *testing.T) {
	sup := newSupervisor(t, Options{})
	file := NewFile(FileOptions{Path: filepath.Join(t.TempDir(), "logs", "app.log")})
	out := NewOutput(OutputOptions{File: file})
	f := out.Follow()
	for _, name := range []string{"shop/1", "shop/2"} {
		spec := program("print", "TEST MESSAGE", "grün", "0")
		spec.Name, spec.Output = name, out
		wantDone(t, start(t, sup, spec), "it prints and ends")
	}
	out.Close()
	file.Close()
	var got []string
	for l := range f.Lines() {
		got = append(got, l.Process+" "+string(l.Stream)+" "+l.Text)
	}
	slices.Sort(got)
	want := []string{
		"shop/1 stderr grün", "shop/1 stdout TEST MESSAGE",
		"shop/2 stderr grün", "shop/2 stdout TEST MESSAGE",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("followed lines (-want +got):\n%s", d)
	}
	b, err := os.ReadFile(file.Path())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "\n"); n != 4 || strings.Contains(string(b), "\n\n") {
		t.Errorf("one file holds both streams, one record a line, no doubled line ends: %q", b)
	}
	if !strings.Contains(string(b), " stderr F:shop/2 grün\n") {
		t.Errorf("the file holds the text as UTF-8: %q", b)
	}
}

func TestEnvironmentHasOneEntryForAName(t *testing.T) {
	env := []string{"A=1", "B=2", "A=3", TagVariable + "=outer", "a=4"}
	got := environment(env, "inner")
	want := []string{"B=2", "A=3", "a=4", TagVariable + "=inner"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the last value counts, the tag is the tree's own (-want +got):\n%s", d)
	}
	if env[0] != "A=1" || env[3] != TagVariable+"=outer" {
		t.Error("the caller's slice is left as it was")
	}
}
