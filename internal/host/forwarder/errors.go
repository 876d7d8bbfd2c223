package forwarder

import (
	"fmt"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Stage says how far a request had come when the worker failed.
type Stage uint8

const (
	// StageConnect: there was no connection to the worker.
	StageConnect Stage = iota
	// StageSend: the request was being written.
	StageSend
	// StageWait: the request was written, or as much of it as the worker took; the response head was not complete.
	StageWait
	// StageBody: the response head had been received.
	StageBody
)

// String returns the stage in words, to follow "failed while".
func (s Stage) String() string {
	switch s {
	case StageConnect:
		return "connecting"
	case StageSend:
		return "sending the request"
	case StageWait:
		return "waiting for the response"
	}
	return "receiving the response body"
}

// Reasons of an UpstreamError: stable names for metrics and alerts.
const (
	ReasonConnectRefused  = "connect_refused"  // nobody listens on the port
	ReasonConnectTimeout  = "connect_timeout"  // ConnectTimeout passed
	ReasonConnectFailed   = "connect_failed"   // anything else that kept a connection from being made
	ReasonDraining        = "draining"         // Drain was called
	ReasonClosed          = "closed"           // Close was called
	ReasonConnectionLost  = "connection_lost"  // the worker closed or reset the connection: it crashed, mostly
	ReasonTimeout         = "timeout"          // the worker was silent for RequestTimeout
	ReasonInvalidResponse = "invalid_response" // what the worker sent is not a response of the HTTP that it is spoken to in
	ReasonStreamReset     = "stream_reset"     // the worker reset the request's stream (HTTP/2)
)

// UpstreamError says that the worker failed. Everything else that Forward returns is the client's doing: the
// *BadRequestError of its body, or the cause with which the server aborted the request.
type UpstreamError struct {
	// Stage is how far the request had come.
	Stage Stage
	// Status is what to answer when the response has not started: 502 when the worker is broken or not there, 503 when
	// this upstream takes no requests, 504 when the worker was silent for too long (RFC 9110 §15.6). The ASP.NET Core
	// Module says 502.3 for a silent worker; its sub status names the same thing that 504 does.
	Status int
	// Reason is one of the Reason constants.
	Reason string
	// Worker is the worker's address.
	Worker string
	// Err is what happened.
	Err error
	// RequestSent says that bytes of the request were handed to a connection: the worker may have acted on it.
	RequestSent bool
	// ResponseStarted says that the client has been sent the beginning of a response: no other answer is possible.
	ResponseStarted bool
}

// Error names the worker, the stage and the cause. It holds nothing that the client or the token said.
func (e *UpstreamError) Error() string {
	return fmt.Sprintf("the worker on %s failed while %s (%s): %v", e.Worker, e.Stage, e.Reason, e.Err)
}

// Unwrap returns Err.
func (e *UpstreamError) Unwrap() error { return e.Err }

// Retryable reports whether the same features may be forwarded to another worker: this one has seen nothing of the
// request, and the client nothing of a response. What had been read of the body has been put back in front of it.
func (e *UpstreamError) Retryable() bool { return !e.RequestSent && !e.ResponseStarted }

func badRequest(reason, detail string) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: reason, Detail: detail}
}
