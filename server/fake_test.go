package server_test

import (
	"bytes"
	"io"
	"strings"

	"github.com/lannerhq/lanner/server"
)

// fakeRequest is a RequestFeature made of values. Its fields have the names of its methods, in short.
type fakeRequest struct {
	protocol, scheme, method, host, base, target string
	header                                       server.Headers
	length                                       int64
	body                                         io.Reader
	retained                                     bool
}

// newRequest is a GET of target.
func newRequest(target string) *fakeRequest {
	return &fakeRequest{protocol: "HTTP/1.1", scheme: "http", method: "GET", host: "example.org", target: target,
		body: strings.NewReader("")}
}

func (q *fakeRequest) Protocol() string        { return q.protocol }
func (q *fakeRequest) Scheme() string          { return q.scheme }
func (q *fakeRequest) Method() string          { return q.method }
func (q *fakeRequest) Host() string            { return q.host }
func (q *fakeRequest) PathBase() string        { return q.base }
func (q *fakeRequest) RawTarget() string       { return q.target }
func (q *fakeRequest) Header() *server.Headers { return &q.header }
func (q *fakeRequest) ContentLength() int64    { return q.length }
func (q *fakeRequest) Body() io.Reader         { return q.body }
func (q *fakeRequest) Retain()                 { q.retained = true }
func (q *fakeRequest) Path() string            { path, _ := server.SplitTarget(q.target); return path }
func (q *fakeRequest) RawQuery() string        { _, query := server.SplitTarget(q.target); return query }

// fakeResponse is a ResponseFeature that keeps what it gets. Nothing starts it but Flush, as on a server that holds
// bodies back.
type fakeResponse struct {
	server.ResponseState
	body    bytes.Buffer
	flushed int
}

func (s *fakeResponse) Write(p []byte) (int, error) { return s.body.Write(p) }
func (s *fakeResponse) Flush() error {
	s.Start()
	s.flushed++
	return nil
}

// fields are the header fields, each a line.
func (s *fakeResponse) fields() string {
	var out strings.Builder
	for name, value := range s.Header().All() {
		out.WriteString(name + ": " + value + "\n")
	}
	return out.String()
}

// newExchange returns features with a request and a response; native may provide more.
func newExchange(target string, native any) (*server.Features, *fakeRequest, *fakeResponse) {
	q, s := newRequest(target), new(fakeResponse)
	f := new(server.Features)
	f.Init(q, s, native, nil)
	return f, q, s
}
