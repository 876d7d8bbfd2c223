package server

import "io"

// RequestFeature is the request as the server received it. Every server provides it.
//
// Strings and headers are valid until Process returns; Retain makes them last. A middleware changes the request by
// setting a RequestFeature of its own that embeds this one and overrides some methods (see Rebase).
type RequestFeature interface {
	// Protocol is the version as it is written: "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3".
	Protocol() string
	// Scheme is "http" or "https".
	Scheme() string
	// Method is the request method, case as sent.
	Method() string
	// Host is the host of the request with the port as sent: the Host field, or :authority; "" when there is none.
	Host() string
	// PathBase is the part of the path under which the application is mounted: "" or "/sub", no slash at the end.
	PathBase() string
	// Path is the rest of the path, percent-decoded except %2F, dot segments removed, "" or beginning with a slash.
	Path() string
	// RawQuery is the query as sent, without the question mark.
	RawQuery() string
	// RawTarget is the request target exactly as sent (RFC 9112 §3.2): the only view that loses nothing.
	RawTarget() string
	// Header is the list of header fields as sent. It must not be changed.
	Header() *Headers
	// ContentLength is the announced length of the body in bytes; -1 when it is not known (chunked); 0 when there is none.
	ContentLength() int64
	// Body reads the content. It is never nil. Its errors may be a *BadRequestError. Close is not needed.
	Body() io.Reader
}

// Retainer is what a RequestFeature implements whose strings share the server's buffers: after Retain all strings that
// it has returned or will return stay valid for as long as anybody holds them.
type Retainer interface {
	Retain()
}

// ResponseFeature is the response. Every server provides it.
type ResponseFeature interface {
	// Status is the status code; 200 until set.
	Status() int
	// SetStatus sets the final status code, 200 to 999. It has no effect after the response started.
	SetStatus(code int)
	// Header is the list of header fields to be sent. Changes after the response started have no effect.
	Header() *Headers
	// Started reports whether the header section has been fixed: it can no longer be changed or replaced.
	Started() bool
	// OnStarting registers fn to run just before the header section is fixed, last registered first.
	// It may still change status and header.
	OnStarting(fn func())
	// OnCompleted registers fn to run after the response has been sent or given up, last registered first.
	OnCompleted(fn func())
	// Write appends to the body. A server may hold it back until Flush or the end; when the whole body was held back, the
	// response gets a Content-Length. p is not kept. An error means that the client will not see more of this response.
	Write(p []byte) (int, error)
	// Flush fixes the header section, if it is not yet, and sends all that was written.
	Flush() error
}

// ResponseBodyFeature is for servers that can send from a reader without copying through user space.
type ResponseBodyFeature interface {
	// SendFrom appends what r yields to the body until EOF. An *os.File, or an *io.LimitedReader around one, is sent by
	// sendfile(2) where the connection allows it.
	SendFrom(r io.Reader) (int64, error)
}

// InterimResponseFeature sends interim responses (RFC 9110 §15.2).
type InterimResponseFeature interface {
	// SendInterim sends a response with status 100 to 199 other than 101, at once. h may be nil.
	SendInterim(status int, h *Headers) error
}

// RequestTrailersFeature gives the trailer fields of the request (RFC 9110 §6.5).
type RequestTrailersFeature interface {
	// RequestTrailers returns the fields, empty until the body has been read to its end.
	RequestTrailers() *Headers
}

// ResponseTrailersFeature sends trailer fields. They are sent where the framing has a place for them: a chunked
// HTTP/1.1 response, or HTTP/2 and 3. Else they are dropped.
type ResponseTrailersFeature interface {
	// ResponseTrailers is the list to be sent after the body. It is usable until Process returns. To be sent on
	// HTTP/1.1 a response must not have a Content-Length: announce the names in a Trailer field before it starts.
	ResponseTrailers() *Headers
}

// RequestIdentifierFeature names the request in logs.
type RequestIdentifierFeature interface {
	// TraceIdentifier is unique in this process: the connection's id, a colon, the number of the request on it.
	TraceIdentifier() string
	SetTraceIdentifier(id string)
}

// RouteFeature names the route that a request matched, for metrics and middleware. ContextMux sets it, and so does the bridge
// to http.Handler, to the pattern of http.ServeMux. It is there from the beginning where the server provides it, and else once
// a ContextMux has found the handler; middleware reads it when the application has returned.
type RouteFeature interface {
	// Route is the pattern that the request matched; "" when none was set.
	Route() string
	// SetRoute sets it. It must be one of few, such as "GET /items/{id}", never a path: each makes metrics of its own. The string
	// must not share the request's memory (see Retainer).
	SetRoute(pattern string)
}
