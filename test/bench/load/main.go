package load

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// Exit codes of Main.
const (
	exitFailed = 1
	exitUsage  = 2
)

// Bounds of the command line.
const (
	maxConns = 15_000
	maxTime  = time.Hour

	dialTime = 10 * time.Second // that connecting may take, and all of a connection of a single request
)

type mixOptions struct {
	addr       string
	conns      int
	time       time.Duration
	fast, slow string // paths
	every      int    // one of so many requests is slow; 0 means none
}

type slowOptions struct {
	addr        string
	conns       int
	time, every time.Duration
}

type tlsOptions struct {
	addr   string
	conns  int // at a time
	time   time.Duration
	path   string
	resume bool
}

// Main is the program: args are a kind of load and its flags. It prints the result on stdout and returns the exit status.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	load, err := parseArgs(args, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "load:", err)
		return exitUsage
	}
	result, err := load(ctx)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(stderr, "load:", err)
		return exitFailed
	}
	return 0
}

// parseArgs returns the load that the command line asks for.
func parseArgs(args []string, stderr io.Writer) (func(context.Context) (any, error), error) {
	if len(args) == 0 {
		return nil, errors.New("say which load: mix, slow or tls")
	}
	flags := flag.NewFlagSet("load "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	var addr string
	var conns int
	var duration time.Duration
	flags.StringVar(&addr, "addr", "", "`host:port` of the server")
	flags.IntVar(&conns, "conns", 1, "connections")
	flags.DurationVar(&duration, "for", time.Second, "how long")
	var load func(context.Context) (any, error)
	var valid func() error
	switch args[0] {
	case "mix":
		var o mixOptions
		flags.StringVar(&o.fast, "fast", "", "path of most requests")
		flags.StringVar(&o.slow, "slow", "", "path of the others")
		flags.IntVar(&o.every, "every", 0, "one of so many requests is for -slow; 0 means none")
		valid = func() error {
			if o.fast == "" || (o.slow == "") != (o.every == 0) || o.every < 0 {
				return errors.New("mix needs -fast, and -slow and -every together or none of them")
			}
			o.addr, o.conns, o.time = addr, conns, duration
			return nil
		}
		load = func(ctx context.Context) (any, error) { return o.run(ctx) }
	case "slow":
		var o slowOptions
		flags.DurationVar(&o.every, "every", 10*time.Second, "interval of a client's bytes")
		valid = func() error {
			if o.every <= 0 {
				return fmt.Errorf("-every %v: it must be more than 0", o.every)
			}
			o.addr, o.conns, o.time = addr, conns, duration
			return nil
		}
		load = func(ctx context.Context) (any, error) { return o.run(ctx) }
	case "tls":
		var o tlsOptions
		flags.StringVar(&o.path, "path", "", "path of all requests")
		flags.BoolVar(&o.resume, "resume", false, "resume the session by a ticket")
		valid = func() error {
			if o.path == "" {
				return errors.New("tls needs -path")
			}
			o.addr, o.conns, o.time = addr, conns, duration
			return nil
		}
		load = func(ctx context.Context) (any, error) { return o.run(ctx) }
	default:
		return nil, fmt.Errorf("there is no load %q: it must be mix, slow or tls", args[0])
	}
	if err := flags.Parse(args[1:]); err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case addr == "":
		return nil, errors.New("-addr is missing")
	case conns < 1 || conns > maxConns:
		return nil, fmt.Errorf("-conns %d: it must be 1 to %d", conns, maxConns)
	case duration <= 0 || duration > maxTime:
		return nil, fmt.Errorf("-for %v: it must be more than 0 and at most %v", duration, maxTime)
	}
	return load, valid()
}

// get is a request.
func get(addr, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, addr)
}

func (h *histogram) kind() Kind {
	us := func(q float64) float64 { return float64(h.quantile(q)) / 1000 }
	return Kind{Requests: int64(h.total), P50: us(0.5), P99: us(0.99)}
}
