package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/launch"
	"github.com/lannerhq/lanner/internal/scaffold"
)

// The exit codes. Those above 63 are from sysexits.h; "lanner status" has those of LSB, and "lanner run" that of the program.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnavailable = 69 // no host answers
	exitTemporary   = 75 // something else is under way, try again
	exitPermission  = 77
	exitConfig      = 78

	exitDegraded   = 1 // of status
	exitNotRunning = 3 // of status
)

// exitError ends the program with a code. Without an error nothing is printed, because all has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// quietly returns the error that ends the program with code and prints nothing. It is nil for 0.
func quietly(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// usageError is a mistake in the call.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

// hintError adds the way out to an error.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// signalCode is what a shell reports of a program that a signal ended.
func signalCode(sig os.Signal) int {
	if s, ok := sig.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return exitFailed
}

// code returns the exit code for an error.
func (a *app) code(err error) int {
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	if e, ok := errors.AsType[interrupted](err); ok {
		return signalCode(e.signal)
	}
	if e, ok := errors.AsType[*control.Error](err); ok {
		return codeOfStatus(e.Status)
	}
	switch {
	case is[*control.NotReachableError](err):
		return exitUnavailable
	case is[*control.PermissionError](err):
		return exitPermission
	case is[*usageError](err), is[*launch.UsageError](err), is[*launch.UnknownProfileError](err),
		is[*scaffold.UsageError](err), is[*scaffold.UnknownTemplateError](err):
		return exitUsage
	case is[*config.Errors](err), is[*launch.FileError](err):
		return exitConfig
	case errors.Is(err, fs.ErrPermission):
		return exitPermission
	case !a.entered:
		return exitUsage
	}
	return exitFailed
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// codeOfStatus returns the exit code for an answer of the host.
func codeOfStatus(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed:
		return exitUsage
	case http.StatusForbidden:
		return exitPermission
	case http.StatusConflict, http.StatusServiceUnavailable:
		return exitTemporary
	case http.StatusUnprocessableEntity:
		return exitConfig
	}
	return exitFailed
}

// printError writes an error for people, or as JSON.
func (a *app) printError(err error, code int) {
	message, hint := explain(err)
	if a.json {
		type body struct {
			Message string `json:"message"`
			Hint    string `json:"hint,omitempty"`
			Code    int    `json:"code"`
		}
		json.NewEncoder(a.stderr).Encode(map[string]body{"error": {message, hint, code}})
		return
	}
	name := a.painter(a.stderr).paint(red, "lanner:") + " "
	if is[*config.Errors](err) || is[*launch.FileError](err) {
		name = "" // the message begins with file, line and column, where editors look for them
	}
	fmt.Fprintf(a.stderr, "%s%s\n", name, strings.TrimSpace(message))
	if hint != "" {
		fmt.Fprintf(a.stderr, "  help: %s\n", hint)
	}
}

// explain splits an error into what is wrong and the way out.
func explain(err error) (message, hint string) {
	if e, ok := errors.AsType[*usageError](err); ok {
		return e.message, e.hint
	}
	if e, ok := errors.AsType[*hintError](err); ok {
		return e.Error(), e.hint
	}
	if e, ok := errors.AsType[*control.Error](err); ok {
		return e.Message, e.Hint
	}
	if e, ok := errors.AsType[*launch.UsageError](err); ok {
		return e.Message, e.Hint
	}
	if e, ok := errors.AsType[*launch.UnknownProfileError](err); ok {
		return e.Error(), didYouMean(e.Name, e.Known)
	}
	if e, ok := errors.AsType[*scaffold.UsageError](err); ok {
		return e.Message, e.Hint
	}
	if e, ok := errors.AsType[*scaffold.UnknownTemplateError](err); ok {
		return e.Error(), didYouMean(e.Name, e.Known)
	}
	return err.Error(), ""
}

// didYouMean is empty when no name is near, for messages that list the names themselves.
func didYouMean(word string, known []string) string {
	if near := control.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
