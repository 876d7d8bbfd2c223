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
	// Debug: a connection has its place and begins. Keys: connection, endpoint, remote.
	eventConnectionStart = newEvent(1, "ConnectionStart", "the connection begins")
	// Debug: a connection is over. Keys: connection, endpoint, remote, requests, reason.
	eventConnectionStop = newEvent(2, "ConnectionStop", "the connection is over")
	// Debug: a response is finished, and its connection waits for another request. Keys: connection, request, remote.
	eventConnectionKeepAlive = newEvent(9, "ConnectionKeepAlive", "the connection is kept alive")
	// Debug: the client left between requests or in a head. Keys: connection, endpoint, remote, error.
	eventConnectionDisconnect = newEvent(10, "ConnectionDisconnect", "the client has disconnected")
	// Error: a handler panicked, which has the stack, or returned an error. Keys: connection, request, remote, error, stack.
	eventApplicationError = newEvent(13, "ApplicationError", "the application failed")
	// Error: the server's own code panicked; the connection was cut. Keys: connection, request, remote, error, stack.
	eventConnectionFailed = newEvent(70, "ConnectionFailed", "a connection ended by a mistake of the server, please report it")
	// Debug: connection middleware gave a connection up with an error. Keys: connection, endpoint, remote, error.
	eventMiddlewareRefused = newEvent(80, "ConnectionMiddlewareError", "the connection was given up by its middleware")
	// Error: connection middleware panicked; the connection was cut. Keys: connection, endpoint, remote, error, stack.
	eventMiddlewarePanicked = newEvent(81, "ConnectionMiddlewarePanic", "connection middleware failed")
	// Error: what Options.Rejected made of a rejection cannot be sent; the standard answer was. Keys: connection, request, remote, error.
	eventRejectionInvalid = newEvent(82, "RejectionInvalid", "the answer to a rejected request cannot be sent")
	// Debug: a TLS handshake failed. Keys: connection, endpoint, remote, error.
	eventAuthenticationFailed = newEvent(83, "AuthenticationFailed", "the TLS handshake failed")
	// Debug: a TLS handshake took longer than the endpoint's HandshakeTimeout. Keys: connection, endpoint, remote, after.
	eventAuthenticationTimedOut = newEvent(84, "AuthenticationTimedOut", "the TLS handshake took too long")
	// Debug: a TLS handshake is done. Keys: connection, endpoint, remote, version, cipher, protocol, host.
	eventHTTPSEstablished = newEvent(85, "HttpsConnectionEstablished", "the connection is encrypted")
	// Error: the client of an endpoint that speaks HTTP/2 alone did not choose it by ALPN; closed. Keys: connection, endpoint, remote, protocol.
	eventHTTP2NotNegotiated = newEvent(86, "EndPointHttp2NotNegotiated", "HTTP/2 was not negotiated on an endpoint that speaks nothing else")
	// Debug: an HTTP/2 connection is ended because of its client. Keys: connection, endpoint, remote, code, reason, detail.
	// For a data rate also: rate, limit, grace, bytes, over.
	eventHTTP2ConnectionError = newEvent(29, "Http2ConnectionError", "the client has broken a rule of HTTP/2")
	// Debug: an HTTP/3 connection is ended because of its client. Keys: connection, endpoint, remote, code, reason, detail.
	eventHTTP3ConnectionError = newEvent(42, "Http3ConnectionError", "the client has broken a rule of HTTP/3")
	// Debug: a request was refused. Keys: connection, request, remote, status, reason, detail.
	eventBadRequest = newEvent(17, "ConnectionBadRequest", "bad request")
	// Debug: the application wrote a body for a response that has none, such as that to HEAD. Keys: connection, request, remote, bytes.
	eventHeadResponseBodyWrite = newEvent(18, "ConnectionHeadResponseBodyWrite", "the body of a response that has none was dropped")
	// Debug: a response could not be finished, or the application failed after the client had left. Keys: connection, request, remote, error.
	eventResponseFailed = newEvent(20, "RequestProcessingError", "the response was not completed")
	// Warning: a connection beyond the limit. Keys: endpoint, remote, reason.
	eventConnectionRejected = newEvent(24, "ConnectionRejected", "the connection was rejected")
	// Warning: a beat of the clock by which timeouts are checked came much too late. Keys: after, interval.
	eventHeartbeatSlow = newEvent(22, "HeartbeatSlow", "the heartbeat is late: the process was stopped or has too little CPU, timeouts act late")
	// Debug: the application begins to read a body. Keys: connection, request.
	eventRequestBodyStart = newEvent(25, "RequestBodyStart", "the body of the request is being read")
	// Trace (-8): all of it has been read. Keys: connection, request.
	eventRequestBodyDone = newEvent(26, "RequestBodyDone", "the body of the request has been read")
	// Debug: a body came too slowly; answered 408. Keys: connection, request, remote, rate, limit, grace, bytes, over.
	eventMinRequestRate = newEvent(27, "RequestBodyMinimumDataRateNotSatisfied", "the body of the request came too slowly")
	// Debug: a response was read too slowly; the connection was cut. Keys: connection, request, remote, rate, limit, grace, bytes, over.
	eventMinResponseRate = newEvent(28, "ResponseMinimumDataRateNotSatisfied", "the response was read too slowly")
	// Debug: the application did not read a body to its end. Keys: connection, request, remote.
	eventRequestBodyNotEntirelyRead = newEvent(32, "RequestBodyNotEntirelyRead", "the application did not read all of the body")
	// Debug: nor did the rest come in the time that the server has for it; the connection ends. Keys: connection, request, remote.
	eventRequestBodyDrainTimedOut = newEvent(33, "RequestBodyDrainTimedOut", "the rest of the body did not come in time")
	// Debug: the application aborted the connection, also by http.ErrAbortHandler. Keys: connection, request, cause.
	eventApplicationAborted = newEvent(34, "ApplicationAbortedConnection", "the application aborted the connection")
	// Debug: a connection was accepted. Keys: connection, endpoint, remote.
	eventConnectionAccepted = newEvent(39, "ConnectionAccepted", "a connection was accepted")
	// Debug: the application set a field of the framing that the response cannot have. Keys: connection, request, remote.
	eventInvalidResponseHeaderRemoved = newEvent(41, "InvalidResponseHeaderRemoved", "a response header field was removed")
)
