//go:build unix

package launch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// patience bounds waits for real processes.
const patience = 30 * time.Second

// shop writes a module with two programs and a library, and makes the folder for built programs one that can be looked at.
func shop(t *testing.T) (dir, temp string) {
	t.Helper()
	dir, temp = t.TempDir(), t.TempDir()
	t.Setenv("GOTMPDIR", temp)
	t.Setenv("GOFLAGS", "-buildvcs=false")
	t.Setenv("GOWORK", "off")
	const program = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() {\n\tfmt.Println(os.Args[1:])\n\tos.Exit(9)\n}\n"
	write(t, filepath.Join(dir, "go.mod"), "module example.com/shop\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "cmd", "web", "main.go"), program)
	write(t, filepath.Join(dir, "cmd", "broken", "main.go"), "package main\n\nfunc main() { nope() }\n")
	write(t, filepath.Join(dir, "lib", "lib.go"), "package lib\n")
	write(t, filepath.Join(dir, "cmd", "web", "lanner.launch.yaml"), "profiles: {dev: {commandLineArgs: --from profile}}")
	write(t, filepath.Join(dir, "notes.txt"), "")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, temp
}

func TestGoProgramIsBuiltRunAndRemoved(t *testing.T) {
	dir, temp := shop(t)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Target: filepath.Join("cmd", "web")}, "[--from profile]\n"},
		{Options{Target: "example.com/shop/cmd/web", Args: []string{"given"}, Configuration: Release}, "[given]\n"},
		{Options{Target: filepath.Join("cmd", "web", "main.go"), NoProfile: true}, "[]\n"},
	} {
		var out, errs bytes.Buffer
		var events []string
		c.o.Dir, c.o.Stdout, c.o.Stderr = dir, &out, &errs
		c.o.Tell = func(e Event) { events = append(events, e.Name) }
		code, err := Run(c.o)
		if err != nil || code != 9 {
			t.Fatalf("%s: the program's own exit code comes back: %d, %v, %s", c.o.Target, code, err, &errs)
		}
		if out.String() != c.want {
			t.Errorf("%s: arguments %q, want %q", c.o.Target, out.String(), c.want)
		}
		if got := strings.Join(events, " "); !strings.HasSuffix(got, "building built started") {
			t.Errorf("%s: what happens is told in order: %s", c.o.Target, got)
		}
		wantEmpty(t, temp)
	}
}

func TestCompileErrorsAreShownAsTheCompilerPrintsThem(t *testing.T) {
	dir, temp := shop(t)
	var errs bytes.Buffer
	_, err := Run(Options{Dir: dir, Target: "./cmd/broken", Stderr: &errs})
	if _, ok := errors.AsType[*BuildError](err); !ok {
		t.Errorf("the type tells that all has been said: %v", err)
	}
	if want := "./main.go:3:15: undefined: nope"; !strings.Contains(errs.String(), want) {
		t.Errorf("standard error must have %q, an editor can jump there:\n%s", want, &errs)
	}
	wantEmpty(t, temp)
}

func TestTargetsThatCannotRunAreExplained(t *testing.T) {
	dir, _ := shop(t)
	below := "did you mean ./cmd/broken, ./cmd/web?"
	for target, want := range map[string]string{
		"":           "there is no Go program in " + dir + "; " + below,
		"empty":      "there is no Go program in " + filepath.Join(dir, "empty"),
		"lib":        "cannot run " + filepath.Join(dir, "lib") + ": it is package lib, not package main",
		"fmt":        "cannot run fmt: it is package fmt, not package main; " + below,
		"shpo":       "shpo is neither a file, a folder nor a Go package here; " + below,
		"./shpo":     "there is no " + filepath.Join(dir, "shpo"),
		"notes.txt":  "cannot run " + filepath.Join(dir, "notes.txt") + ": it is not executable; name a program, a .go file, or the folder of a Go program",
		"./...":      "cannot run ./...: it names 3 packages; name one",
		"/dev/null":  "cannot run /dev/null: it is neither folder nor file",
		"/none/a.go": "there is no /none/a.go",
	} {
		_, err := Run(Options{Dir: dir, Target: target})
		if _, ok := errors.AsType[*UsageError](err); !ok || err.Error() != want {
			t.Errorf("%q\n got %v\nwant %s", target, err, want)
		}
	}
}

func TestProfileSaysArgumentsFolderAndVariables(t *testing.T) {
	home := t.TempDir()
	program := filepath.Join(home, "print")
	if err := os.Symlink(testBinary(t), program); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, "lanner.launch.yaml"), `profiles:
  dev:
    commandLineArgs: --who "%SHOP_WHO%"
    applicationUrl: http://localhost:8080
    workingDirectory: data
    environmentVariables: {SHOP_A: profile, SHOP_B: profile}`)
	write(t, filepath.Join(home, "data", "x"), "")
	var out bytes.Buffer
	code, err := Run(Options{Target: program, Env: []string{"SHOP_B=given"}, Stdout: &out,
		Environ: []string{modeVariable + "=print", "SHOP_WHO=a b"}})
	if err != nil || code != 3 {
		t.Fatalf("%d, %v", code, err)
	}
	want := `args=["--who" "a b"]
dir=` + filepath.Join(home, "data") + `
SHOP_WHO=a b
LANNER_ENV=Development
LANNER_URLS=http://localhost:8080
SHOP_A=profile
SHOP_B=given
LANNER_LAUNCH_PROFILE=dev
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFirstSignalIsPassedOnAndTheProgramEndsAsItLikes(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		p := startRun(t, "graceful")
		p.wantLine("ready")
		p.signals <- sig
		p.wantLine("got " + sig.String())
		p.wantCode(7)
	}
}

func TestSecondSignalKills(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		p := startRun(t, "stubborn")
		p.wantLine("ready")
		p.signals <- syscall.SIGINT
		p.signals <- sig
		p.wantCode(want)
	}
}

func TestDeathByASignalIsTheExitCodeAShellWouldGive(t *testing.T) {
	startRun(t, "suicide").wantCode(128 + 9)
}

func TestWhatTheProgramStartedEndsWithIt(t *testing.T) {
	p := startRun(t, "parent")
	child, err := strconv.Atoi(p.line())
	if err != nil {
		t.Fatal(err)
	}
	p.wantCode(0)
	wantGone(t, child)
}

func TestSignalDuringTheBuildEndsIt(t *testing.T) {
	dir, temp := shop(t)
	tools := t.TempDir()
	write(t, filepath.Join(tools, "go"), "#!/bin/sh\ncase $1 in list) echo '{\"Name\":\"main\",\"Dir\":\"'$PWD'\"}';; *) sleep 60;; esac\n")
	if err := os.Chmod(filepath.Join(tools, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools+string(filepath.ListSeparator)+os.Getenv("PATH"))
	signals := make(chan os.Signal, 1)
	begun := time.Now()
	code, err := Run(Options{Dir: dir, Target: "cmd/web", Signals: signals, Tell: func(e Event) {
		if e.Name == EventBuilding {
			signals <- syscall.SIGTERM
		}
	}})
	if code != 143 || err != nil {
		t.Errorf("exit code %d, %v; want that of the signal", code, err)
	}
	if time.Since(begun) > patience {
		t.Error("the build is not waited for")
	}
	wantEmpty(t, temp)
}

func TestBrowserIsOpenedWhenTheProgramListens(t *testing.T) {
	l := listen(t)
	signals := make(chan os.Signal, 1)
	opened := make(chan string, 1)
	code, err := Run(Options{Target: testBinary(t), NoProfile: true, Browser: true, Signals: signals,
		Environ: []string{modeVariable + "=graceful", "LANNER_URLS=http://" + l},
		open: func(page string) error {
			opened <- page
			signals <- syscall.SIGTERM
			return nil
		}})
	if err != nil || code != 143 && code != 7 {
		t.Errorf("%d, %v", code, err)
	}
	if got, want := <-opened, "http://"+l+"/"; got != want {
		t.Errorf("opened %s, want %s", got, want)
	}
}

func TestMissingGoIsExplained(t *testing.T) {
	dir, _ := shop(t)
	t.Setenv("PATH", t.TempDir())
	_, err := Run(Options{Dir: dir, Target: "cmd/web"})
	if err == nil || !strings.Contains(err.Error(), "install Go, or name a program that is built already") {
		t.Errorf("%v", err)
	}
}

func testBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// running is a program in a Run of its own, with its output on a pipe.
type running struct {
	t       *testing.T
	signals chan os.Signal
	out     *bufio.Reader
	code    int
	err     error
	done    sync.WaitGroup
}

func startRun(t *testing.T, mode string) *running {
	t.Helper()
	r, w := io.Pipe()
	p := &running{t: t, signals: make(chan os.Signal, 4), out: bufio.NewReader(r)}
	program := testBinary(t)
	p.done.Go(func() {
		p.code, p.err = Run(Options{Target: program, NoProfile: true, Stdout: w, Signals: p.signals,
			Environ: append(os.Environ(), modeVariable+"="+mode)})
		w.Close()
	})
	t.Cleanup(func() {
		go io.Copy(io.Discard, p.out)
		p.done.Wait()
	})
	return p
}

func (p *running) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("the program says no more: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (p *running) wantLine(want string) {
	p.t.Helper()
	if got := p.line(); got != want {
		p.t.Fatalf("the program says %q, want %q", got, want)
	}
}

// wantCode waits for the end, at which the program has nothing more to say.
func (p *running) wantCode(want int) {
	p.t.Helper()
	rest, _ := io.ReadAll(p.out)
	p.done.Wait()
	if p.err != nil || p.code != want {
		p.t.Errorf("exit code %d, %v; want %d", p.code, p.err, want)
	}
	if len(rest) > 0 {
		p.t.Errorf("a signal arrives once: %q", rest)
	}
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("nothing of the build is left: %v, %v", left, err)
	}
}

func wantGone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if !alive(pid) {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !bytes.Contains(stat, []byte(") Z "))
}
