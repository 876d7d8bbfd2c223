package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a configuration file.
type Problem struct {
	// File is the name the file was loaded by.
	File string `json:"file"`
	// Line and Column count from 1, columns in characters. Both are 0 when the file could not be read at all.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Path is the place in the configuration, such as sites.shop.applications[0].hosting. Empty for the whole file.
	Path string `json:"path,omitempty"`
	// Message says what is wrong.
	Message string `json:"message"`
	// Hint is the way out. Empty when the message says it already.
	Hint string `json:"hint,omitempty"`
	// Snippet is the line of the file and, below it, a mark under the place. Secrets are masked.
	Snippet string `json:"snippet,omitempty"`
}

// String returns the problem as a compiler would print it.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	fmt.Fprintf(&b, ": %s", p.Message)
	if p.Snippet != "" {
		b.WriteString("\n" + p.Snippet)
	}
	if p.Hint != "" {
		b.WriteString("\n  help: " + p.Hint)
	}
	return b.String()
}

// Errors is every mistake found in one file, in the order of the file. [Load] and [Parse] return it as *Errors.
type Errors struct {
	File     string    `json:"file"`
	Problems []Problem `json:"problems"`
	// More counts the problems beyond the first maxProblems, which are not kept.
	More int `json:"more,omitempty"`

	cause error
}

// maxProblems bounds the memory and the output that one broken file can cause.
const maxProblems = 100

// Error returns all problems, each with its line and the way out, and their number.
func (e *Errors) Error() string {
	blocks := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		blocks = append(blocks, p.String())
	}
	switch {
	case e.More > 0:
		blocks = append(blocks, fmt.Sprintf("%d errors in %s, the first %d are shown", e.count(), e.File, len(e.Problems)))
	case len(e.Problems) > 1:
		blocks = append(blocks, fmt.Sprintf("%d errors in %s", e.count(), e.File))
	}
	return strings.Join(blocks, "\n\n")
}

func (e *Errors) count() int { return len(e.Problems) + e.More }

// Unwrap returns what the operating system said when the file could not be read, so that errors.Is(err, fs.ErrNotExist)
// works. It is nil for mistakes in the file.
func (e *Errors) Unwrap() error { return e.cause }

// add keeps p unless the same was said of the same place before, which happens where an anchor is used twice.
func (e *Errors) add(p Problem) {
	same := func(q Problem) bool {
		return q.Line == p.Line && q.Column == p.Column && q.Message == p.Message
	}
	if slices.ContainsFunc(e.Problems, same) {
		return
	}
	e.Problems = append(e.Problems, p)
}

// result returns e sorted, or nil when there is no problem.
func (e *Errors) result() error {
	if len(e.Problems) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e
}
