package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// options is the command line.
type options struct {
	rows    []row
	rounds  int
	seconds int
	pin     bool
	install bool
	out     string
	json    bool
}

func (o options) duration() time.Duration { return time.Duration(o.seconds) * time.Second }

// tools are those that the rows use.
func (o options) tools() []string {
	var all []string
	for _, r := range o.rows {
		all = append(all, r.load.needs()...)
		for _, c := range r.servers {
			all = append(all, c.needs)
		}
	}
	if o.pin {
		all = append(all, "taskset")
	}
	return all
}

// quickRows are what -quick measures: each kind of server, the whole host among them, and each load generator.
var quickRows = []string{"plaintext", "tls-resumed", "h2c", "h2", "h2c-large", "grpc-unary", "hosting-exclusive", "blocking-mix", "h2c-slow-stream", "idle-h2c"}

// parse reads the command line. It has told the user what is wrong when it returns an error.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var names string
	var quick bool
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&names, "rows", "", "rows to measure, separated by commas (default all)")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each server of a row is measured")
	flags.IntVar(&o.seconds, "seconds", 5, "how long each measurement takes; a second to warm up comes before it")
	flags.BoolVar(&quick, "quick", false, "one round of one second of some rows: shows that it works, measures nothing")
	flags.BoolVar(&o.pin, "pin", false, "servers on the first CPU, the load on the second (needs taskset)")
	flags.BoolVar(&o.install, "install", false, "install missing tools from Debian's packages; needs root")
	flags.StringVar(&o.out, "out", "", "folder for results.md, results.json and the charts, such as docs/benchmarks")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of tables")
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: bench [flags]\n\nrows:\n")
		for _, r := range rows {
			fmt.Fprintf(stderr, "  %-22s %s\n", r.name, r.title)
		}
		fmt.Fprintf(stderr, "\nflags:\n")
		flags.PrintDefaults()
	}
	err := flags.Parse(args)
	if err != nil {
		return o, err
	}
	if quick {
		o.rounds, o.seconds = 1, 1
		if names == "" {
			names = strings.Join(quickRows, ",")
		}
	}
	o.rows, err = chooseRows(names)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q: all arguments are flags", flags.Arg(0))
	case o.rounds < 1 || o.rounds > 100:
		err = fmt.Errorf("-rounds %d: it must be 1 to 100", o.rounds)
	case o.seconds < 1 || o.seconds > 600:
		err = fmt.Errorf("-seconds %d: it must be 1 to 600", o.seconds)
	case quick && o.out != "":
		err = fmt.Errorf("-quick measures nothing that is worth keeping: leave out -out")
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
	}
	return o, err
}

// chooseRows returns the rows of a list, in the order of the table; all of them for an empty list.
func chooseRows(list string) ([]row, error) {
	if list == "" {
		return rows, nil
	}
	var known []string
	for _, r := range rows {
		known = append(known, r.name)
	}
	wanted := strings.Split(list, ",")
	for i, name := range wanted {
		wanted[i] = strings.TrimSpace(name)
		if !slices.Contains(known, wanted[i]) {
			return nil, fmt.Errorf("-rows: there is no row %q; there are %s", wanted[i], strings.Join(known, ", "))
		}
	}
	var chosen []row
	for _, r := range rows {
		if slices.Contains(wanted, r.name) {
			chosen = append(chosen, r)
		}
	}
	return chosen, nil
}
