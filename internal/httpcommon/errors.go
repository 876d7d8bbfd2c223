package httpcommon

import (
	"errors"
	"fmt"
)

// BadRequestError says that the client broke a rule of the protocol or exceeded a limit. Body readers return it; when
// the application lets it escape, or returns without having answered, the server answers with Status.
type BadRequestError struct {
	// Status is the status code of the answer, 400 to 505.
	Status int
	// Reason is the stable name of the rule, in snake case: the error.type of the metrics.
	Reason string
	// Detail is text for the log. It may quote what the client sent, escaped and cut; it is never sent to the client.
	Detail string
	// Allow is the value of the Allow field of a 405, else "".
	Allow string
}

// Error returns the reason and the detail.
func (e *BadRequestError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("bad request: %s (%d)", e.Reason, e.Status)
	}
	return fmt.Sprintf("bad request: %s (%d)", e.Detail, e.Status)
}

// Causes with which a request is aborted. They are what context.Cause returns for the request's context.
var (
	// ErrClientDisconnected: the client closed or reset the connection.
	ErrClientDisconnected = errors.New("the client has disconnected")
	// ErrServerShutdown: the server stopped and the time given to running requests is over.
	ErrServerShutdown = errors.New("the server is shutting down")
	// ErrRequestAborted: the application aborted the request.
	ErrRequestAborted = errors.New("the request was aborted by the application")
	// ErrResponseTooSlow: the client took the response more slowly than the minimum data rate.
	ErrResponseTooSlow = errors.New("the response was read more slowly than the minimum data rate")
	// ErrRequestDone: the handler has returned.
	ErrRequestDone = errors.New("the request is done")
)

// ErrContentLength says that the application wrote more than its Content-Length announced.
var ErrContentLength = errors.New("more bytes were written than the Content-Length says")

// AsBadRequest finds a *BadRequestError in err's tree.
func AsBadRequest(err error) (*BadRequestError, bool) {
	var bad *BadRequestError
	ok := errors.As(err, &bad)
	return bad, ok
}
