package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Configuration says how a Go program is built.
type Configuration string

const (
	// Debug, the default, builds the program's own module without optimisation, so that a debugger shows every variable.
	// Its dependencies stay optimised: they are cached, and seldom what is looked for.
	Debug Configuration = "debug"
	// Release builds what would be shipped: optimised, without symbols and paths of this machine.
	Release Configuration = "release"
)

// stopBuild is what the go command gets to end after it was interrupted; then it is killed.
const stopBuild = 3 * time.Second

func (c Configuration) flags(module string) []string {
	if c == Release {
		return []string{"-trimpath", "-ldflags=-s -w"}
	}
	if module == "" {
		return []string{"-gcflags=-N -l"}
	}
	return []string{"-gcflags=" + module + "/...=-N -l"}
}

// build compiles the program into a new folder, which the caller removes. The name is new each time, because a program
// that still runs cannot be overwritten on Windows. The complaints of the compiler go to stderr as they are.
func build(ctx context.Context, t target, c Configuration, stderr io.Writer) (path string, err error) {
	tool, err := goTool()
	if err != nil {
		return "", err
	}
	// GOTMPDIR is what the go command itself uses, set where the usual folder does not let programs be run.
	dir, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "lanner-run-")
	if err != nil {
		return "", fmt.Errorf("cannot create a folder for the program: %w; set GOTMPDIR to one that can be written to", err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	path = filepath.Join(dir, t.name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	args := append([]string{"build", "-o", path}, c.flags(t.module)...)
	cmd := exec.CommandContext(ctx, tool, append(args, "--", t.pkg)...)
	cmd.Dir = t.dir
	cmd.Stdout, cmd.Stderr = stderr, stderr
	alone(cmd)
	err = cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return "", &BuildError{Target: t.name, Err: err}
	}
	if err != nil {
		return "", fmt.Errorf("cannot run the go command: %w", err)
	}
	return path, nil
}

// alone puts a helper into a process group of its own, so that a Ctrl-C of the terminal does not reach it before us, and the
// end of ctx ends it with all it started.
func alone(cmd *exec.Cmd) {
	separate(cmd)
	cmd.WaitDelay = stopBuild
	cmd.Cancel = func() error { return interruptGroup(cmd.Process) }
}
