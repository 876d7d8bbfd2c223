package servertest

import (
	"io"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// hello answers every request with "hello".
func hello(f *server.Features) error { return respond(f, 200, "hello") }

// respond writes a response.
func respond(f *server.Features, status int, body string) error {
	res, _ := server.Get[server.ResponseFeature](f)
	res.SetStatus(status)
	_, err := io.WriteString(res, body)
	return err
}

// requestPath is the path of a request.
func requestPath(f *server.Features) string {
	req, _ := server.Get[server.RequestFeature](f)
	return req.Path()
}

// readBody reads the request's body to its end.
func readBody(f *server.Features) (string, error) {
	req, _ := server.Get[server.RequestFeature](f)
	body, err := io.ReadAll(req.Body())
	return string(body), err
}

// gate is an application whose requests to /wait wait: each says that it runs and goes on when the gate is opened.
// Other requests are answered at once.
type gate struct {
	entered chan struct{}
	opened  chan struct{}
}

func newGate() *gate {
	return &gate{entered: make(chan struct{}, 128), opened: make(chan struct{})}
}

// process waits without watching for an abort.
func (g *gate) process(f *server.Features) error {
	if requestPath(f) != "/wait" {
		return hello(f)
	}
	g.entered <- struct{}{}
	<-g.opened
	return respond(f, 200, "waited")
}

// hold begins a request to /wait and returns when the application has it.
func (g *gate) hold(r *running) *client {
	r.t.Helper()
	c := r.dial()
	c.send("GET /wait HTTP/1.1", "Host: a", "")
	receive(r.t, g.entered, "the request reaches the application")
	return c
}

// open lets all requests go on. It may be called again.
func (g *gate) open() {
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

// request is what an application saw of a request, copied: strings of a RequestFeature do not last.
type request struct {
	method, path, base, query, target, host, scheme, protocol string
	length                                                    int64
	header                                                    server.Headers
}

func seen(t *testing.T, f *server.Features) request {
	q := need[server.RequestFeature](t, f)
	r := request{
		strings.Clone(q.Method()), strings.Clone(q.Path()), strings.Clone(q.PathBase()), strings.Clone(q.RawQuery()),
		strings.Clone(q.RawTarget()), strings.Clone(q.Host()), strings.Clone(q.Scheme()), strings.Clone(q.Protocol()),
		q.ContentLength(), server.Headers{},
	}
	for name, value := range q.Header().All() {
		r.header.Add(strings.Clone(name), strings.Clone(value))
	}
	return r
}
