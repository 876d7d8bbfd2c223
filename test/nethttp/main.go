package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/lannerhq/lanner/kestrel"
)

// options are the command's flags.
type options struct {
	run     string
	verbose bool
	json    bool
	race    bool
	// transport is kestrel.Options.Transport; empty means as the environment says.
	transport string
}

// loop reports whether connections will be on the event loop.
func (o *options) loop() bool {
	t := cmp.Or(o.transport, os.Getenv(kestrel.TransportVariable))
	return runtime.GOOS == "linux" && t != kestrel.TransportPortable.String()
}

func main() {
	var o options
	flag.StringVar(&o.run, "run", "", "run only the tests that match this regular expression")
	flag.BoolVar(&o.verbose, "v", false, "print the tests' output while they run")
	flag.BoolVar(&o.json, "json", false, "print the report as JSON")
	flag.BoolVar(&o.race, "race", false, "run with the race detector")
	flag.StringVar(&o.transport, "transport", "", "serve on that transport: auto, eventloop or portable (kestrel.Options.Transport)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "nethttp: unexpected argument %q; name tests with -run\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := suiteReport(ctx, o, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "nethttp: %v\n", err)
		os.Exit(2)
	}
	if err := report.write(os.Stdout, o.json); err != nil {
		fmt.Fprintf(os.Stderr, "nethttp: %v\n", err)
		os.Exit(2)
	}
	if !report.ok() {
		os.Exit(1)
	}
}

// suiteReport adapts the tests, runs them and compares the outcome with the tables.
func suiteReport(ctx context.Context, o options, progress io.Writer) (*report, error) {
	match, err := regexp.Compile(o.run)
	if err != nil {
		return nil, fmt.Errorf("-run %q: %w", o.run, err)
	}
	tables, err := loadTables(o.loop())
	if err != nil {
		return nil, err
	}
	goroot, version, err := goEnv(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lanner-nethttp-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := prepare(goroot, dir)
	if err != nil {
		return nil, err
	}
	rep := &report{Go: version}
	for _, g := range groups {
		tests := slices.DeleteFunc(slices.Clone(s.tests[g.path]), func(name string) bool { return !match.MatchString(name) })
		r := &runner{suite: s, path: g.path, race: o.race, transport: o.transport}
		if o.verbose {
			r.log = progress
		}
		if r.skips, err = tables.writeSkips(dir, g.path); err != nil {
			return nil, err
		}
		results, err := r.run(ctx, tests)
		if err != nil {
			return nil, err
		}
		section := compare(g.path, results, tables)
		if again := section.unexpected(); len(again) > 0 && len(again) <= mostAgain { // the machine may have been slow
			fmt.Fprintf(progress, "%s: once more: %s\n", g.path, strings.Join(again, ", "))
			second, err := r.run(ctx, again)
			if err != nil {
				return nil, err
			}
			for _, name := range again {
				results.replace(name, second)
			}
			section = compare(g.path, results, tables)
		}
		if o.run == "" {
			section.Inside = s.inside[g.path]
		}
		rep.Packages = append(rep.Packages, section)
	}
	return rep, nil
}

// mostAgain is how many tests that fail unexpectedly get a second chance. More of them are no accident.
const mostAgain = 20

// goEnv asks the go command where its tree is, and its version.
func goEnv(ctx context.Context) (goroot, version string, err error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return "", "", fmt.Errorf("cannot ask the go command for its tree: %w", err)
	}
	goroot, version, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(goroot), cmp.Or(strings.TrimSpace(version), "unknown"), nil
}
