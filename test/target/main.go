// Command target is the program that conformance, load and end-to-end tests aim at. Package app says what it answers.
//
//	go run ./test/target -urls http://127.0.0.1:0 [-api http|native] [-server kestrel|nethttp]
//	    [-transport auto|eventloop|portable] [-exec auto|inline|goroutine] [-headers-timeout 30s] [-debug 127.0.0.1:0]
//	    [-tls | -cert FILE -key FILE] [-h3]
//
// -transport and -exec are kestrel's options of these names (kestrel.Options), -headers-timeout is its RequestHeadersTimeout,
// or net/http's ReadHeaderTimeout. -debug answers GET /debug/mallocs there with the number of objects allocated so far.
// Addresses may be https: -tls makes a certificate for localhost, which nobody trusts, in memory; -cert and -key name files. With -h3
// they speak HTTP/3, too, on the UDP port of the same number.
//
// It prints one line, "listening on URL", per bound address and stops on SIGINT or SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lannerhq/lanner/test/target/app"
	"github.com/lannerhq/lanner/test/target/mallocs"
)

// stopTimeout is how long running requests may take to finish; ASP.NET Core's default.
const stopTimeout = 30 * time.Second

// backend is a server with the application in it.
type backend interface {
	// start listens and serves; it returns the bound addresses.
	start(ctx context.Context, urls []string) ([]string, error)
	// stop lets running requests finish until ctx ends.
	stop(ctx context.Context) error
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status: 0, 1 when the server fails, 2 when the command line does.
func run(args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	if err := serve(ctx, restore, opts, stdout); err != nil {
		fmt.Fprintln(stderr, "target:", err)
		return 1
	}
	return 0
}

// serve runs the server until ctx ends. restore makes the next signal end the program at once.
func serve(ctx context.Context, restore func(), opts options, stdout io.Writer) (err error) {
	defer func() { err = errors.Join(err, app.RemoveFiles()) }()
	b, err := opts.backend()
	if err != nil {
		return err
	}
	if opts.debug != "" {
		_, stop, failed := mallocs.Serve(opts.debug)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	bound, err := b.start(ctx, opts.urls)
	if err != nil {
		return err
	}
	for _, url := range bound {
		fmt.Fprintln(stdout, "listening on", url)
	}
	<-ctx.Done()
	restore()
	stopCtx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return b.stop(stopCtx)
}
