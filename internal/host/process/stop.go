package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// StopStep is one step of a stop, in the order in which they can come.
type StopStep string

// The steps of a stop.
const (
	StepGraceful  StopStep = "graceful"  // the application's own way to stop was tried
	StepTerminate StopStep = "terminate" // SIGTERM, on Windows CTRL_BREAK
	StepQuit      StopStep = "quit"      // SIGQUIT: a Go program prints its stacks and ends
	StepKill      StopStep = "kill"      // the tree was ended by force
	StepExited    StopStep = "exited"    // the program has ended
)

// StopOptions says how to stop. The zero value is SIGTERM, then kill.
type StopOptions struct {
	// Graceful asks the application itself to stop. Nil as its answer means that it
	// has accepted: it then has until the limit. An error means that it has not:
	// the next step follows at once. It must return when its context ends.
	Graceful func(context.Context) error
	// QuitWait, if positive, sends SIGQUIT at the limit and waits this long before
	// the kill. Ignored on Windows.
	QuitWait time.Duration
	// Report is told each step and its error, from Stop's goroutine. May be nil.
	Report func(StopStep, error)
}

// ErrForced is wrapped by the error of a Stop that had to kill.
var ErrForced = errors.New("it had to be killed")

// Stop ends the process: gracefully while ctx lasts, by force then. It returns
// nil when the process ended in its own time, or had ended before. A second
// caller does not repeat the steps, it only waits; if its ctx ends first, the
// kill comes that much earlier.
func (p *Process) Stop(ctx context.Context, opts StopOptions) error {
	began := time.Now()
	report := opts.Report
	if report == nil {
		report = func(StopStep, error) {}
	}
	if p.request() {
		p.askToEnd(ctx, opts, report)
	}
	select {
	case <-p.done:
		report(StepExited, nil)
		return nil
	case <-ctx.Done():
	}
	if opts.QuitWait > 0 && p.Signal(syscall.SIGQUIT) == nil {
		report(StepQuit, nil)
		select {
		case <-p.done:
		case <-time.After(opts.QuitWait):
		}
	}
	err := p.Kill()
	report(StepKill, err)
	if err != nil {
		return fmt.Errorf("process %s (%d): %w; %w", p.name, p.PID(), ErrForced, err)
	}
	<-p.done
	report(StepExited, nil)
	return fmt.Errorf("process %s (%d) did not end within %v: %w", p.name, p.PID(), time.Since(began).Round(time.Millisecond), ErrForced)
}

// askToEnd takes the application's own way, or else the signal.
func (p *Process) askToEnd(ctx context.Context, opts StopOptions, report func(StopStep, error)) {
	if opts.Graceful != nil {
		err := opts.Graceful(ctx)
		report(StepGraceful, err)
		if err == nil {
			return
		}
	}
	err := p.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		return
	}
	report(StepTerminate, err)
}
