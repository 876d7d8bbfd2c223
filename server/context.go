package server

import (
	"context"
	"io"
	"strings"
	"sync"
	"unsafe"
)

// Context is one request and its response, for handlers that must not allocate: strings it returns share the server's
// buffers. It is recycled: neither it nor anything reached through it may be used after the handler has returned.
// A build with the race detector recycles nothing and panics on such a use.
type Context struct {
	features *Features
	req      RequestFeature
	res      ResponseFeature
	ctx      *requestContext
	route    *contextPattern // that a ContextMux found
	marked   string          // the path it was found for, when that is not the request's (see markSlashes)
	memory   contextMemory
}

// ContextHandler handles requests on a Context. Its error is treated as Application.Process's.
type ContextHandler func(c *Context) error

var contexts = sync.Pool{New: func() any { return new(Context) }}

// Process makes ContextHandler an Application.
func (h ContextHandler) Process(f *Features) error {
	c := newContext(f)
	defer c.release()
	return h(c)
}

// newContext returns a Context for the request with these features. release ends its use.
func newContext(f *Features) *Context {
	c := contexts.Get().(*Context)
	c.features = f
	c.req, _ = Get[RequestFeature](f)
	c.res, _ = Get[ResponseFeature](f)
	return c
}

// release ends the use of c. It runs also when the handler panics.
func (c *Context) release() {
	if c.ctx != nil {
		c.ctx.finish()
	}
	*c = Context{memory: c.memory.reset()}
	if !raceEnabled {
		contexts.Put(c)
	}
}

// Features returns the request's collection.
func (c *Context) Features() *Features { c.check(); return c.features }

// check panics when c is used after its handler returned. Without the race detector such a use fails on a nil feature,
// or, when c serves another request by then, goes unseen.
func (c *Context) check() {
	if raceEnabled && c.features == nil {
		panic("server: a Context was used after its handler returned; copy what must outlive the request")
	}
}

// Method, Scheme, Host, Path, PathBase, RawQuery, RawTarget and Protocol are the RequestFeature's.
func (c *Context) Method() string    { c.check(); return c.req.Method() }
func (c *Context) Scheme() string    { c.check(); return c.req.Scheme() }
func (c *Context) Host() string      { c.check(); return c.req.Host() }
func (c *Context) Path() string      { c.check(); return c.req.Path() }
func (c *Context) PathBase() string  { c.check(); return c.req.PathBase() }
func (c *Context) RawQuery() string  { c.check(); return c.req.RawQuery() }
func (c *Context) RawTarget() string { c.check(); return c.req.RawTarget() }
func (c *Context) Protocol() string  { c.check(); return c.req.Protocol() }

// RequestHeader returns the value of the first request field with that name, or "".
func (c *Context) RequestHeader(name string) string { c.check(); return c.req.Header().Get(name) }

// RequestHeaders is the list of request fields. It must not be changed.
func (c *Context) RequestHeaders() *Headers { c.check(); return c.req.Header() }

// ContentLength is the announced length of the request body: -1 unknown, 0 none.
func (c *Context) ContentLength() int64 { c.check(); return c.req.ContentLength() }

// Body reads the request body.
func (c *Context) Body() io.Reader { c.check(); return c.req.Body() }

// Query returns the raw value of the first query parameter with that name, without percent-decoding, and whether it is
// there. A name or value that needs decoding is for net/url.
func (c *Context) Query(name string) (string, bool) {
	c.check()
	q := c.req.RawQuery()
	for q != "" {
		pair := q
		if i := indexByte(q, '&'); i >= 0 {
			pair, q = q[:i], q[i+1:]
		} else {
			q = ""
		}
		key, value := pair, ""
		if i := indexByte(pair, '='); i >= 0 {
			key, value = pair[:i], pair[i+1:]
		}
		if key == name {
			return value, true
		}
	}
	return "", false
}

// Pattern returns the pattern of the ContextMux that called the handler: "GET /users/{id}"; "" when none did. It stays
// valid after the request.
func (c *Context) Pattern() string {
	c.check()
	if c.route == nil {
		return ""
	}
	return c.route.text
}

// PathValue returns what the wildcard with that name stands for in the pattern that matched, percent-decoded; "" when the
// pattern has no such wildcard. It shares the server's buffers. A value with an encoded slash is the only one to allocate.
func (c *Context) PathValue(name string) string {
	c.check()
	if c.route == nil || name == "" {
		return ""
	}
	index, rest, found := c.route.wildcard(name)
	if !found {
		return ""
	}
	if c.marked == "" {
		return pathSegment(c.req.Path(), index, rest)
	}
	return strings.ReplaceAll(pathSegment(c.marked, index, rest), "\xff", "/")
}

// SetStatus sets the status code of the response.
func (c *Context) SetStatus(code int) { c.check(); c.res.SetStatus(code) }

// SetHeader replaces a response field.
func (c *Context) SetHeader(name, value string) { c.check(); c.res.Header().Set(name, value) }

// AddHeader appends a response field.
func (c *Context) AddHeader(name, value string) { c.check(); c.res.Header().Add(name, value) }

// ResponseHeaders is the list of response fields.
func (c *Context) ResponseHeaders() *Headers { c.check(); return c.res.Header() }

// SetContentLength announces the length of the response body in bytes. A server that knows it sends what is written at
// once and as it is. A body that is held back whole needs no announcement; WriteBody announces one that may be larger.
// Lengths below 10,000 never allocate, larger ones not when they have been announced lately.
func (c *Context) SetContentLength(n int64) {
	c.check()
	// The string lasts: a server may send the fields after the handler has returned and c serves another request.
	c.res.Header().Set("Content-Length", lengthText(n))
}

// Write appends to the response body.
func (c *Context) Write(p []byte) (int, error) { c.check(); return c.res.Write(p) }

// WriteString appends to the response body without copying s first.
func (c *Context) WriteString(s string) (int, error) {
	c.check()
	// Safe: a ResponseFeature neither changes nor keeps what it is given to write.
	return c.res.Write(unsafe.Slice(unsafe.StringData(s), len(s)))
}

// WriteBody answers with p as the whole body: it announces the length and writes. ErrTooLate when the response started.
// A body that was written before must be announced together with what follows, so WriteBody comes first and once.
func (c *Context) WriteBody(p []byte) error {
	c.check()
	if c.res.Started() {
		return ErrTooLate
	}
	c.res.Header().Set("Content-Length", lengthText(int64(len(p))))
	_, err := c.res.Write(p)
	return err
}

// Flush sends what was written.
func (c *Context) Flush() error { c.check(); return c.res.Flush() }

// Started reports whether the response header section has been fixed.
func (c *Context) Started() bool { c.check(); return c.res.Started() }

// Context returns a context that is cancelled when the request is aborted, with the cause, and when the handler returns.
// The first call allocates it.
func (c *Context) Context() context.Context {
	c.check()
	if c.ctx == nil {
		c.ctx = &requestContext{features: c.features}
	}
	return c.ctx
}

func indexByte(s string, b byte) int {
	for i := range len(s) {
		if s[i] == b {
			return i
		}
	}
	return -1
}
