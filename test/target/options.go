package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/target/app"
)

// options is the command line.
type options struct {
	urls   []string
	api    string
	exec   string
	server string
}

// parse reads the command line. It has told the user what is wrong when it returns an error.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("target", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Func("urls", "address to listen on, such as http://127.0.0.1:0; may be repeated, or hold several separated by ;", func(v string) error {
		for url := range strings.SplitSeq(v, ";") {
			if url = strings.TrimSpace(url); url != "" {
				o.urls = append(o.urls, url)
			}
		}
		return nil
	})
	choice(flags, &o.api, "api", "programming interface", "http", "native")
	choice(flags, &o.exec, "exec", "where handlers run, on kestrel", "auto", "inline", "goroutine")
	choice(flags, &o.server, "server", "server", "kestrel", "nethttp")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q: all arguments are flags", flags.Arg(0))
		fmt.Fprintln(stderr, "target:", err)
		return o, err
	}
	if len(o.urls) == 0 {
		o.urls = []string{"http://localhost:5000"}
	}
	return o, nil
}

// choice adds a flag that takes one of some values, the first by default.
func choice(flags *flag.FlagSet, to *string, name, usage string, values ...string) {
	*to = values[0]
	usage += ": " + strings.Join(values, ", ") + " (default " + values[0] + ")"
	flags.Func(name, usage, func(v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("it must be one of %s", strings.Join(values, ", "))
		}
		*to = v
		return nil
	})
}

// backend makes the server with the application that the options name.
func (o options) backend() backend {
	application := server.HTTP(app.HTTP())
	if o.api == "native" {
		application = app.Native()
	}
	if o.server == "nethttp" {
		return newNetHTTP(application)
	}
	return newKestrel(application)
}
