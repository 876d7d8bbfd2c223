package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/summerwind/h2spec/spec"
)

// result is how a case went.
type result struct {
	id, description string // id is the group's, and the number of the case in it: http2/5.1.1/2
	outcome         outcome
	detail          string // of a failure: what was expected and what came
}

type outcome uint8

const (
	passed outcome = iota
	failed
	skipped
)

// collect returns the results of the cases in g that were run, in order.
func collect(g *spec.TestGroup) (results []result) {
	for _, tc := range slices.Concat(g.Tests, g.StrictTests) {
		if tc.Result == nil {
			continue
		}
		r := result{id: fmt.Sprintf("%s/%d", g.ID(), tc.Result.Sequence), description: tc.Desc}
		switch {
		case tc.Result.Failed:
			r.outcome, r.detail = failed, tc.Result.Error.Error()
		case tc.Result.Skipped:
			r.outcome = skipped
		}
		results = append(results, r)
	}
	for _, child := range g.Groups {
		results = append(results, collect(child)...)
	}
	return results
}

// report prints the summary and returns the exit status: 1 when a case failed that is no exception, or an exception passed.
func report(w io.Writer, results []result, exceptions map[string]string) (status int) {
	var count [3]int
	var failures, stale []string
	for _, r := range results {
		count[r.outcome]++
		why, excepted := exceptions[r.id]
		switch {
		case r.outcome == failed && excepted:
			failures = append(failures, fmt.Sprintf("  %s %s\n    as expected: %s", r.id, r.description, why))
		case r.outcome == failed:
			status = 1
			failures = append(failures, fmt.Sprintf("  %s %s\n    %s", r.id, r.description, strings.ReplaceAll(r.detail, "\n", "\n    ")))
		case excepted && r.outcome == passed:
			status = 1
			stale = append(stale, fmt.Sprintf("  %s %s", r.id, r.description))
		}
	}
	fmt.Fprintf(w, "h2spec: %d passed, %d failed, %d skipped\n", count[passed], count[failed], count[skipped])
	if len(failures) > 0 {
		fmt.Fprintf(w, "failed:\n%s\n", strings.Join(failures, "\n"))
	}
	if len(stale) > 0 {
		fmt.Fprintf(w, "passed although exceptions.go says that they fail; take them out:\n%s\n", strings.Join(stale, "\n"))
	}
	return status
}
