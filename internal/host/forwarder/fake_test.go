package forwarder

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// fakeClient is a request and the response to it as features, for tests in which the server does not matter.
type fakeClient struct {
	features server.Features

	protocol, scheme, method, host, target string
	header                                 httpcommon.Headers
	length                                 int64
	body                                   io.Reader
	remote                                 string
	cert                                   *x509.Certificate
	trailers                               httpcommon.Headers

	mu        sync.Mutex
	status    int
	response  httpcommon.Headers
	started   bool
	written   bytes.Buffer
	log       []string // writes and flushes, in order
	interims  []string
	outTrail  httpcommon.Headers
	writeErr  error
	onAborted func(error)
	upgraded  net.Conn // what Upgrade returns
	watched   chan struct{}
	deadline  chan struct{} // closed by SetReadDeadline in the past
}

// newClient makes a request; fields are "Name: value".
func newClient(method, target string, fields ...string) *fakeClient {
	c := &fakeClient{protocol: "HTTP/1.1", scheme: "http", method: method, host: "example.org", target: target,
		body: strings.NewReader(""), remote: "192.0.2.7:4711", status: 200,
		watched: make(chan struct{}), deadline: make(chan struct{})}
	c.header.Add("Host", c.host)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		c.header.Add(name, value)
	}
	c.features.Init((*fakeRequest)(c), (*fakeResponse)(c), (*fakeNative)(c), nil)
	return c
}

// withBody gives the request a body; length -1 for one without a length.
func (c *fakeClient) withBody(body io.Reader, length int64) *fakeClient {
	c.body, c.length = body, length
	if length >= 0 {
		c.header.Add("Content-Length", "as the server has it")
	}
	return c
}

func (c *fakeClient) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written.String()
}

type fakeRequest fakeClient

func (r *fakeRequest) Protocol() string            { return r.protocol }
func (r *fakeRequest) Scheme() string              { return r.scheme }
func (r *fakeRequest) Method() string              { return r.method }
func (r *fakeRequest) Host() string                { return r.host }
func (r *fakeRequest) PathBase() string            { return "" }
func (r *fakeRequest) Path() string                { return r.target }
func (r *fakeRequest) RawQuery() string            { return "" }
func (r *fakeRequest) RawTarget() string           { return r.target }
func (r *fakeRequest) Header() *httpcommon.Headers { return &r.header }
func (r *fakeRequest) ContentLength() int64        { return r.length }
func (r *fakeRequest) Body() io.Reader             { return r.body }

type fakeResponse fakeClient

func (r *fakeResponse) Status() int                 { return r.status }
func (r *fakeResponse) SetStatus(code int)          { r.status = code }
func (r *fakeResponse) Header() *httpcommon.Headers { return &r.response }
func (r *fakeResponse) Started() bool               { return r.started }
func (r *fakeResponse) OnStarting(func())           {}
func (r *fakeResponse) OnCompleted(func())          {}

func (r *fakeResponse) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writeErr != nil {
		return 0, r.writeErr
	}
	if r.log != nil {
		r.log = append(r.log, "write "+string(p))
	}
	return r.written.Write(p)
}

func (r *fakeResponse) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = true
	if r.log != nil {
		r.log = append(r.log, "flush")
	}
	return r.writeErr
}

type fakeNative fakeClient

func (n *fakeNative) ConnectionID() string                  { return "1" }
func (n *fakeNative) LocalAddr() net.Addr                   { return nil }
func (n *fakeNative) RemoteAddr() net.Addr                  { return nil }
func (n *fakeNative) RemoteAddrText() string                { return n.remote }
func (n *fakeNative) EndpointName() string                  { return "" }
func (n *fakeNative) ClientCertificate() *x509.Certificate  { return n.cert }
func (n *fakeNative) RequestTrailers() *httpcommon.Headers  { return &n.trailers }
func (n *fakeNative) ResponseTrailers() *httpcommon.Headers { return &n.outTrail }
func (n *fakeNative) Abort(error)                           {}
func (n *fakeNative) SetWriteDeadline(time.Time) error      { return nil }
func (n *fakeNative) Upgradable() bool                      { return n.header.HasToken("Connection", "upgrade") }
func (n *fakeNative) Hijack() (net.Conn, []byte, error)     { return nil, nil, errors.ErrUnsupported }
func (n *fakeNative) Upgrade() (net.Conn, error)            { return n.upgraded, nil }

func (n *fakeNative) SetReadDeadline(t time.Time) error {
	if t.Before(time.Now()) {
		close(n.deadline)
	}
	return nil
}

func (n *fakeNative) SendInterim(status int, h *httpcommon.Headers) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	line := httpcommon.StatusText(status)
	for name, value := range h.All() {
		line += "; " + name + ": " + value
	}
	n.interims = append(n.interims, line)
	return nil
}

func (n *fakeNative) OnAborted(fn func(error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onAborted = fn
	close(n.watched)
}

// disconnect does what a server does when the client goes away.
func (c *fakeClient) disconnect() {
	c.mu.Lock()
	fn := c.onAborted
	c.mu.Unlock()
	fn(server.ErrClientDisconnected)
}

// rendered returns the head of the request for c, as the worker would get it.
func rendered(t *testing.T, c *fakeClient, r Request, o Options) (string, error) {
	t.Helper()
	fw := New()
	defer fw.Close()
	u, err := fw.NewUpstream("127.0.0.1:1", o)
	if err != nil {
		t.Fatal(err)
	}
	x := newExchange(u, &c.features, r)
	defer x.end()
	err = x.render()
	return string(x.out), err
}
