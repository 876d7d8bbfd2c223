package server

import (
	"io"
	"net/http"
)

// NewRequest returns the RequestFeature of a request on plain HTTP, for servers whose protocol code yields values that
// last. A server that recycles the memory of its strings gives copies, or implements RequestFeature itself.
//
// method, target and protocol are the request line as sent: SplitTarget makes path and query of the target. header has
// the fields as sent, Host among them. length is what ContentLength returns. body may be nil when there is none. A server
// with TLS embeds the result and overrides Scheme.
func NewRequest(method, target, protocol string, header *Headers, length int64, body io.Reader) RequestFeature {
	if body == nil {
		body = http.NoBody
	}
	q := &valueRequest{method: method, target: target, protocol: protocol, header: header, length: length, body: body}
	q.path, q.query = SplitTarget(target)
	return q
}

// valueRequest is a RequestFeature that holds its values.
type valueRequest struct {
	method, target, protocol string
	path, query              string // of target
	header                   *Headers
	length                   int64
	body                     io.Reader
}

func (q *valueRequest) Protocol() string     { return q.protocol }
func (q *valueRequest) Scheme() string       { return "http" }
func (q *valueRequest) Method() string       { return q.method }
func (q *valueRequest) Host() string         { return q.header.Get("Host") }
func (q *valueRequest) PathBase() string     { return "" }
func (q *valueRequest) Path() string         { return q.path }
func (q *valueRequest) RawQuery() string     { return q.query }
func (q *valueRequest) RawTarget() string    { return q.target }
func (q *valueRequest) Header() *Headers     { return q.header }
func (q *valueRequest) ContentLength() int64 { return q.length }
func (q *valueRequest) Body() io.Reader      { return q.body }
