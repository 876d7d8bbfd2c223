package server

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// PanicError is what Call returns for a panic of the application.
type PanicError struct {
	// Value is what panic was called with.
	Value any
	// Stack is the stack of the goroutine that panicked, for the log.
	Stack []byte
}

// Error returns the value and the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Call calls app and turns a panic into an error, as a server must: a *PanicError, or http.ErrAbortHandler itself, which
// asks for the end of the connection without an answer and without a log.
func Call(app Application, f *Features) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return app.Process(f)
}

// ErrorStatus is the status code that answers an application's error when the response has not started: that of a
// *BadRequestError, else 500.
func ErrorStatus(err error) int {
	if bad, ok := httpcommon.AsBadRequest(err); ok && bad.Status != 0 {
		return bad.Status
	}
	return http.StatusInternalServerError
}
