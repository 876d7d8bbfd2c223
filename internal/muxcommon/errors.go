package muxcommon

import (
	"fmt"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Code says why a stream ends (RFC 9113 §7, RFC 9114 §8.1).
type Code interface {
	// String is the name of the code in its RFC.
	fmt.Stringer
	// IsNoError reports whether it is the code of an end without an error.
	IsNoError() bool
}

// ResetError is the cause with which a request ends when its stream is reset.
type ResetError struct {
	Code Code
	// Remote says that the client has reset it.
	Remote bool
}

// Error says who has reset the stream, and why.
func (e *ResetError) Error() string {
	if e.Remote {
		return "the client has reset the stream: " + e.Code.String()
	}
	return "the stream was reset: " + e.Code.String()
}

// Is makes a reset by the client what a lost client is on HTTP/1.1.
func (e *ResetError) Is(target error) bool {
	return e.Remote && target == httpcommon.ErrClientDisconnected
}

// Rate is a least data rate: bytes per second, once a transfer has lasted for the grace period.
type Rate struct {
	BytesPerSecond float64
	Grace          time.Duration
}
