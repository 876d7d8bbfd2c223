package httpcommon

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
)

// PanicError is a panic of a callback (OnStarting, OnCompleted) as an error.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the value.
func (p *PanicError) Error() string { return fmt.Sprintf("panic in a callback: %v", p.Value) }

// Guard runs a callback of the application. The goroutine is the connection's: a panic must not end the process.
func Guard(fn func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	fn()
	return nil
}

// IsDeadline reports whether err comes of a deadline that the application set.
func IsDeadline(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
