//go:build unix

package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
)

// real prepares the real program as a process of its own.
func real(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), asLanner+"=1")
	return cmd
}

func TestRealProgramEndsAFollowedLogOnCtrlC(t *testing.T) {
	host := newFakeHost()
	host.lines = []control.LogLine{{Time: noon, Application: "/", Worker: 1, Stream: "stdout", Text: "hello"}}
	cmd := real(t, "logs", "shop", "-f", serve(t, host))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasSuffix(line, "/[1] hello\n") {
		t.Errorf("a followed line comes at once: %q, %v", line, err)
	}
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}

func TestRealProgramPassesSignalsAndTheExitCodeOn(t *testing.T) {
	cmd := real(t, "run", "/bin/sh", "--", "-c", `trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code %d, want the program's own", code)
	}
}

func TestSecondSignalEndsACommandAtOnce(t *testing.T) {
	c := newCall()
	blocked := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- c.interruptible(t.Context(), func(ctx context.Context) error {
			<-ctx.Done()
			c.signals <- syscall.SIGINT
			<-blocked
			return ctx.Err()
		})
	}()
	c.signals <- syscall.SIGTERM
	select {
	case code := <-c.exited:
		if code != 130 {
			t.Errorf("exit code %d, want that of the second signal", code)
		}
	case <-time.After(10 * time.Second):
		t.Error("a command that does not end is ended")
	}
	close(blocked)
	if err := <-done; newCall().code(err) != 143 {
		t.Errorf("%v: the first signal is why it ended", err)
	}
}
