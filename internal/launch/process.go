package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// program is what is started at last.
type program struct {
	path           string
	args           []string
	dir            string
	env            []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// outputDelay is how long output is still read after the end of the program, when something it started holds the other
// end of a pipe. It plays no part when the program writes to our own files or terminal, which is the rule.
const outputDelay = 2 * time.Second

// run starts the program, passes signals on and returns its exit code when it has ended; 128 and the number of the signal
// for one that ended by a signal, as a shell would. The second signal that asks for the end kills.
func (p *program) run(signals <-chan os.Signal, tell func(Event)) (int, error) {
	// Linux kills the program when the thread that started it ends (see separateForLife), so this one must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.Command(p.path, p.args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.stdin, p.stdout, p.stderr
	cmd.WaitDelay = outputDelay
	t, err := startTree(cmd, sharesTerminal(p.stdin))
	if err != nil {
		return 0, fmt.Errorf("cannot start %s: %w", p.path, err)
	}
	tell(Event{Name: EventStarted, PID: cmd.Process.Pid})
	exited := make(chan error, 1)
	go func() { exited <- t.wait() }()

	stopping := false
	for {
		select {
		case err := <-exited:
			return exitCode(cmd.ProcessState, err)
		case sig := <-signals:
			if stopping {
				t.kill()
				<-exited
				return forced(sig), nil
			}
			stopping = true
			tell(Event{Name: EventStopping, PID: cmd.Process.Pid})
			t.signal(sig)
		}
	}
}

// exitCode says how the program ended. err is that of Wait.
func exitCode(state *os.ProcessState, err error) (int, error) {
	_, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err != nil && !exited && !errors.Is(err, exec.ErrWaitDelay):
		return 0, fmt.Errorf("cannot tell how the program ended: %w", err)
	case state.ExitCode() >= 0:
		return state.ExitCode(), nil
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return 1, nil
}

// forced is the exit code after sig has ended everything at once.
func forced(sig os.Signal) int {
	if s, ok := sig.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 1
}
