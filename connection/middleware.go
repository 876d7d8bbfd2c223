package connection

import "context"

// Handler serves a connection and returns when it is over, also when a request has taken it over (an upgrade). When the
// outermost handler of an endpoint returns, the server closes the connection; nobody else needs to. An error says why it was
// given up, for the server's log; what goes wrong in HTTP is not one.
//
// ctx ends when the server's shutdown time is over, with server.ErrServerShutdown as its cause, and when the connection is
// over. It does not end when a graceful stop begins: a handler has until then to finish. Requests' contexts do not derive
// from it; what they are to see belongs in Conn.Features.
type Handler func(ctx context.Context, c *Conn) error

// Middleware makes a handler that does something and calls next, at most once for each connection. It is called once for
// each listener, before the first connection. The handler that it makes runs on the connection's own goroutine, on many of
// them at once. It must bound its own waits by deadlines, or a client that sends nothing keeps it: HTTP's timeouts begin
// with next.
//
// A panic ends one connection, with an error in the log.
type Middleware func(next Handler) Handler
