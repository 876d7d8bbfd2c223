package launch

import (
	"fmt"
	"strings"
)

// UsageError says that what was asked for cannot be: exit code 2.
type UsageError struct {
	Message string
	// Hint is the way out. May be empty.
	Hint string
}

// Error returns the message and the hint.
func (e *UsageError) Error() string { return withHint(e.Message, e.Hint) }

func withHint(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + "; " + hint
}

// UnknownProfileError says that the launch profile that was asked for is not there: exit code 2.
type UnknownProfileError struct {
	Name string
	// File is the file that was looked into.
	File string
	// Known are the names of its profiles, in its order.
	Known []string
}

// Error names the profile, the file and what is in it.
func (e *UnknownProfileError) Error() string {
	return fmt.Sprintf("there is no launch profile %q in %s, which has %s", e.Name, e.File, list(e.Known))
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// FileError is a mistake in a file of launch profiles: exit code 78.
type FileError struct {
	File string
	// Line and Column count from 1; 0 when the file could not be read.
	Line, Column int
	Message      string
	// Hint is the way out. May be empty.
	Hint string
}

// Error returns the mistake as a compiler would print it.
func (e *FileError) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	return at + ": " + withHint(e.Message, e.Hint)
}

// BuildError says that the go command refused; it has said why on standard error.
type BuildError struct {
	Target string
	Err    error
}

// Error names what could not be built.
func (e *BuildError) Error() string { return fmt.Sprintf("cannot build %s: %v", e.Target, e.Err) }

// Unwrap returns how the go command ended.
func (e *BuildError) Unwrap() error { return e.Err }
