package httpconn

import "log/slog"

// event is a log event with Kestrel's id, which operators' alerts are written for.
type event struct {
	id  slog.Attr
	msg string
}

func newEvent(id int, name, msg string) event {
	return event{slog.Group("event", slog.Int("id", id), slog.String("name", name)), msg}
}

// The events of connections. Levels are those of today's Kestrel: what a client can provoke is at most Debug, except for
// what an operator must see.
var (
	// Error: a handler panicked or returned an error. Keys: connection, request, error, stack.
	eventApplicationError = newEvent(13, "ApplicationError", "the application failed")
	// Error: the server's own code panicked; the connection was cut. Keys: connection, error, stack.
	eventConnectionFailed = newEvent(70, "ConnectionFailed", "a connection ended by a mistake of the server, please report it")
	// Debug: connection middleware gave a connection up with an error. Keys: connection, endpoint, remote, error.
	eventMiddlewareRefused = newEvent(80, "ConnectionMiddlewareError", "the connection was given up by its middleware")
	// Error: connection middleware panicked; the connection was cut. Keys: connection, endpoint, remote, error, stack.
	eventMiddlewarePanicked = newEvent(81, "ConnectionMiddlewarePanic", "connection middleware failed")
	// Error: what Options.Rejected made of a rejection cannot be sent; the standard answer was. Keys: connection, request, remote, error.
	eventRejectionInvalid = newEvent(82, "RejectionInvalid", "the answer to a rejected request cannot be sent")
	// Debug: a request was refused. Keys: connection, remote, status, reason, detail.
	eventBadRequest = newEvent(17, "ConnectionBadRequest", "bad request")
	// Debug: a response could not be finished, or the application failed after the client had left. Keys: connection, request, error.
	eventResponseFailed = newEvent(20, "RequestProcessingError", "the response was not completed")
	// Warning: a connection beyond the limit. Keys: endpoint, remote, reason.
	eventConnectionRejected = newEvent(24, "ConnectionRejected", "the connection was rejected")
	// Debug: the application begins to read a body. Keys: connection, request.
	eventRequestBodyStart = newEvent(25, "RequestBodyStart", "the body of the request is being read")
	// Trace (-8): all of it has been read. Keys: connection, request.
	eventRequestBodyDone = newEvent(26, "RequestBodyDone", "the body of the request has been read")
)
