package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/test/nethttp/shim"
)

// result is what became of one test or subtest.
type result struct {
	action      string // pass, fail, skip; "" while it runs
	output      []string
	connections int // to Kestrel, of a test that is no subtest
}

// results are by the test's full name, such as TestX/h1.
type results map[string]*result

func (r results) of(name string) *result {
	if r[name] == nil {
		r[name] = new(result)
	}
	return r[name]
}

// failsBelow reports whether a subtest of name failed.
func (r results) failsBelow(name string) bool {
	for other, res := range r {
		if res.action == "fail" && strings.HasPrefix(other, name+"/") {
			return true
		}
	}
	return false
}

// replace puts a test's results of a second run in place of those of the first.
func (r results) replace(test string, second results) {
	mine := func(name string) bool { return name == test || strings.HasPrefix(name, test+"/") }
	maps.DeleteFunc(r, func(name string, _ *result) bool { return mine(name) })
	for name, res := range second {
		if mine(name) {
			r[name] = res
		}
	}
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Test, Output, Key, Value string
}

// runner runs the tests of one package.
type runner struct {
	suite *suite
	path  string // import path of the package
	skips string // path of the table of skipped tests
	race  bool
	// transport is kestrel.Options.Transport; empty means as the environment says.
	transport string
	log       io.Writer // the tests' output; nil for none
}

// run runs tests until each has a result. A test that ends the process has failed, and those behind it run again.
func (r *runner) run(ctx context.Context, tests []string) (results, error) {
	all := make(results)
	for len(tests) > 0 {
		got, other, err := r.once(ctx, tests)
		if err != nil {
			return all, err
		}
		before := len(tests)
		for name, res := range got {
			if res.action == "" {
				res.action = "fail"
				res.output = append(res.output, other...)
			}
			all[name] = res
		}
		tests = slices.DeleteFunc(slices.Clone(tests), func(name string) bool { return all[name] != nil })
		if len(tests) == before {
			return all, fmt.Errorf("the tests of %s do not run:\n%s", r.path, strings.Join(other, ""))
		}
		if len(tests) > 0 {
			fmt.Fprintf(os.Stderr, "%s: a test ended the process; %d tests left\n", r.path, len(tests))
		}
	}
	return all, nil
}

// once runs tests in one process. other is output that belongs to no test.
func (r *runner) once(ctx context.Context, tests []string) (got results, other []string, err error) {
	args := []string{"test", "-json", "-count=1", "-timeout=15m", "-overlay", r.suite.overlay}
	if r.race {
		args = append(args, "-race")
	}
	args = append(args, "-run", "^("+strings.Join(tests, "|")+")$", r.path)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), shim.SkipVariable+"="+r.skips)
	if r.transport != "" {
		cmd.Env = append(cmd.Env, kestrel.TransportVariable+"="+r.transport)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	got = make(results)
	dec := json.NewDecoder(pipe)
	for {
		var e event
		if err := dec.Decode(&e); err != nil {
			break // the exit status says whether that is the end
		}
		if e.Test == "" {
			other = append(other, e.Output)
			continue
		}
		r.take(got.of(e.Test), e)
	}
	_ = cmd.Wait() // tests that failed are in got
	if stderr.Len() > 0 {
		other = append(other, stderr.String())
	}
	return got, other, ctx.Err()
}

func (r *runner) take(res *result, e event) {
	switch e.Action {
	case "pass", "fail", "skip":
		res.action = e.Action
	case "output":
		res.output = append(res.output, e.Output)
		if r.log != nil {
			io.WriteString(r.log, e.Output)
		}
	case "attr":
		if e.Key == shim.AttrConnections {
			res.connections, _ = strconv.Atoi(e.Value)
		}
	}
}
