package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
)

// app is one call of the program: where it writes to, what it was told, and how it hears of signals. Tests make their own.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	// notify begins to send signals to the channel it returns, until stop is called.
	notify func(...os.Signal) (signals <-chan os.Signal, stop func())
	// exit ends the program at once.
	exit func(code int)

	// The flags of all commands.
	configFile string
	socket     string
	logLevel   string
	logFormat  string
	json       bool
	noColor    bool

	entered bool // a command has begun its work: errors before are mistakes in the call
}

func newApp() *app {
	return &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, notify: notify, exit: os.Exit}
}

func notify(which ...os.Signal) (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, which...)
	return signals, func() { signal.Stop(signals) }
}

// run executes the command in args and returns the exit code.
func (a *app) run(args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetIn(a.stdin)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitOK
	}
	code := a.code(err)
	if quiet, ok := errors.AsType[*exitError](err); !ok || quiet.err != nil {
		a.printError(err, code)
	}
	return code
}

// interrupted is the cause of a context that a signal has ended.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return i.signal.String() }

// interruptible calls f with a context that the first signal ends. The second ends the program.
func (a *app) interruptible(parent context.Context, f func(context.Context) error) error {
	signals, stop := a.notify(stopSignals...)
	defer stop()
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	over, watched := make(chan struct{}), make(chan struct{})
	go a.watch(signals, over, watched, cancel)
	err := f(ctx)
	close(over)
	<-watched
	if cut, ok := errors.AsType[interrupted](context.Cause(ctx)); ok && err != nil {
		return cut
	}
	return err
}

// watch is the goroutine of interruptible.
func (a *app) watch(signals <-chan os.Signal, over <-chan struct{}, watched chan<- struct{}, cancel context.CancelCauseFunc) {
	defer close(watched)
	for first := true; ; first = false {
		select {
		case <-over:
			return
		case sig := <-signals:
			if !first {
				a.exit(signalCode(sig))
				return
			}
			cancel(interrupted{sig})
		}
	}
}
