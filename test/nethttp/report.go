package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// report is the outcome of a run.
type report struct {
	Go       string
	Packages []*section
}

// section is the outcome of one package's tests. Tests are counted without their subtests; failures are named by the
// innermost subtest.
type section struct {
	Path string
	// Passed had a connection to Kestrel, at least, and passed.
	Passed []string
	// Failed failed, as expected or not.
	Failed []string
	// Skipped by the table, by group; and by Go itself.
	Skipped map[string][]string
	// Elsewhere passed without a connection to Kestrel: tests of the client, or of TLS and HTTP/2, which Kestrel does not speak
	// here and net/http's own server served.
	Elsewhere []string
	// Inside is the number of tests that are in the package itself and were not run.
	Inside int

	Expected   []failure // failures on the list
	Unexpected []failure // failures that are not
	Unfailing  []string  // on the list, and passed
}

// failure is a test that failed.
type failure struct {
	Test   string
	Reason string `json:",omitempty"`
	Output string `json:",omitempty"`
}

// bySelf is the group of tests that Go skips by itself.
const bySelf = "skipped by Go"

// compare says what the results of one package mean by the tables.
func compare(path string, all results, t *tables) *section {
	s := &section{Path: path, Skipped: make(map[string][]string)}
	listed := t.expected[path]
	for _, name := range slices.Sorted(maps.Keys(all)) {
		res := all[name]
		if !strings.Contains(name, "/") {
			s.count(name, res, t)
		}
		if res.action == "fail" && !all.failsBelow(name) {
			if why, ok := listed[name]; ok {
				s.Expected = append(s.Expected, failure{Test: name, Reason: why.Reason})
			} else {
				s.Unexpected = append(s.Unexpected, failure{Test: name, Output: strings.Join(res.output, "")})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		top, _, _ := strings.Cut(name, "/")
		if all[top] == nil || listed[name].Sometimes {
			continue // it did not run
		}
		if res := all[name]; res == nil || res.action != "fail" || all.failsBelow(name) {
			s.Unfailing = append(s.Unfailing, name)
		}
	}
	return s
}

// count counts a test that is no subtest.
func (s *section) count(name string, res *result, t *tables) {
	switch {
	case res.action == "fail":
		s.Failed = append(s.Failed, name)
	case res.action == "skip":
		group := bySelf
		if g := t.group(s.Path, name); g != nil {
			group = g.Group
		}
		s.Skipped[group] = append(s.Skipped[group], name)
	case res.connections == 0:
		s.Elsewhere = append(s.Elsewhere, name)
	default:
		s.Passed = append(s.Passed, name)
	}
}

// unexpected returns the tests, without their subtests, that did not come out as the list says.
func (s *section) unexpected() (tests []string) {
	for _, f := range s.Unexpected {
		top, _, _ := strings.Cut(f.Test, "/")
		tests = append(tests, top)
	}
	for _, name := range s.Unfailing {
		top, _, _ := strings.Cut(name, "/")
		tests = append(tests, top)
	}
	slices.Sort(tests)
	return slices.Compact(tests)
}

func (s *section) skipped() (n int) {
	for _, tests := range s.Skipped {
		n += len(tests)
	}
	return n
}

// ok reports whether everything came out as the tables say.
func (r *report) ok() bool {
	return !slices.ContainsFunc(r.Packages, func(s *section) bool { return len(s.Unexpected)+len(s.Unfailing) > 0 })
}

// write writes the report for people, or as JSON.
func (r *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The tests of net/http of %s, on kestrel:\n\n", r.Go)
	fmt.Fprintf(&b, "%-20s %8s %8s %8s %16s\n", "package", "passed", "failed", "skipped", "without kestrel")
	for _, s := range r.Packages {
		fmt.Fprintf(&b, "%-20s %8d %8d %8d %16d\n", s.Path, len(s.Passed), len(s.Failed), s.skipped(), len(s.Elsewhere))
	}
	for _, s := range r.Packages {
		if s.Inside > 0 {
			fmt.Fprintf(&b, "\nNot run: %d tests inside package %s, which test its internals.\n", s.Inside, s.Path)
		}
		for _, group := range slices.Sorted(maps.Keys(s.Skipped)) {
			fmt.Fprintf(&b, "\nskipped, %s (%d): %s\n", group, len(s.Skipped[group]), strings.Join(s.Skipped[group], ", "))
		}
	}
	for _, s := range r.Packages {
		for _, f := range s.Expected {
			fmt.Fprintf(&b, "\nfails as expected: %s %s\n    %s\n", s.Path, f.Test, f.Reason)
		}
	}
	for _, s := range r.Packages {
		for _, f := range s.Unexpected {
			fmt.Fprintf(&b, "\nFAILS: %s %s\n%s", s.Path, f.Test, indent(f.Output))
		}
		for _, name := range s.Unfailing {
			fmt.Fprintf(&b, "\nPASSES: %s %s is expected to fail: remove it from test/nethttp/expected.json and docs/reference/nethttp-compat.md\n", s.Path, name)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return b.String()
}
