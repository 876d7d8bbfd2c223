// Command bench measures what Lanner's servers cost, next to the servers that it is compared with.
//
//	go run ./test/bench [-rows a,b] [-rounds 5] [-seconds 5] [-quick] [-pin] [-install] [-out docs/benchmarks] [-json]
//
// It builds all it needs, starts one server after the other on a free port of the loopback interface, makes the same load on
// each, and repeats that for some rounds. The figure that counts is the CPU time, user and system, that all processes of the
// server spend per request; ratios are taken within a round. docs/benchmarks/README.md says how to read the result.
//
// Beside wrk it is its own load generator: "bench load ..." is the program of package load, as which it starts itself.
//
// The table rows in rows.go is the place to begin: what is measured, on which servers, by which load.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/lannerhq/lanner/test/bench/load"
)

// Exit codes; exitUnavailable and exitInterrupted as in sysexits.h and the shell.
const (
	exitFailed      = 1 // a server failed or answered wrongly
	exitUsage       = 2
	exitUnavailable = 69
	exitInterrupted = 130
)

// loadCommand as the first argument makes this program the load generator of package load.
const loadCommand = "load"

// init keeps the main goroutine on the main thread: the kernel ends the servers when the thread that started them ends
// (PR_SET_PDEATHSIG), which must be the end of the program.
func init() { runtime.LockOSThread() }

func main() {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		restore() // a second signal ends the program at once
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == loadCommand {
		return load.Main(ctx, args[1:], stdout, stderr)
	}
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitUsage
	}
	report, err := measureAll(ctx, o, stderr)
	if report != nil {
		err = errors.Join(err, publish(report, o, stdout))
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "bench: interrupted; all servers have been stopped")
		return exitInterrupted
	case errors.Is(err, errUnavailable):
		fmt.Fprintln(stderr, "bench:", err)
		return exitUnavailable
	case err != nil:
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	case report.failed():
		fmt.Fprintln(stderr, "bench: some servers failed or answered wrongly; see above")
		return exitFailed
	}
	return 0
}

// publish prints the report and, when it was asked for, writes it into a folder. A run that was broken off writes no file.
func publish(r *report, o options, stdout io.Writer) error {
	if o.json {
		if err := r.writeJSON(stdout); err != nil {
			return err
		}
	} else if err := r.writeText(stdout); err != nil {
		return err
	}
	if o.out == "" || !r.Complete {
		return nil
	}
	return r.writeFiles(o.out)
}
