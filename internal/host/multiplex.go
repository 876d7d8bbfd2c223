package host

import (
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/server"
)

// multiplex decides about a connection that begins as HTTP/2 does. Such a connection cannot change its owner between two
// requests. So it belongs to the host where all applications at the address are out-of-process, to the worker where the
// address is one in-process application's alone, and elsewhere HTTP/1.1 is required.
func (f *front) multiplex(tag any) httpconn.Multiplexing {
	c := tag.(*hostConn)
	t := f.table.Load()
	switch app := t.exclusive(); {
	case !t.inProcess() || c.forced != nil || app != nil && app.answersItself():
		return httpconn.ServeHTTP2
	case app != nil:
		c.app = app
		return httpconn.ReleaseHTTP2
	}
	return httpconn.RefuseHTTP2
}

// inProcess reports whether some request at this address belongs to an in-process application.
func (t *table) inProcess() bool {
	for _, e := range t.entries {
		for _, app := range e.site.apps {
			if app.inProcess() {
				return true
			}
		}
	}
	return false
}

// Error codes of HTTP/2 (RFC 9113 §7).
const (
	refusedStream  = 0x7 // "The endpoint refused the stream prior to performing any application processing"
	http11Required = 0xd // "The endpoint requires that HTTP/1.1 be used instead of HTTP/2."
)

// processStream handles a request on an HTTP/2 connection. Each finds its own application.
func (c *hostConn) processStream(f *server.Features, stream httpconn.StreamFeature) error {
	h := c.front.host
	if c.forced != nil {
		stream.DrainConnection() // the next connection is asked about again
		return c.forced.write(f, h.development)
	}
	q, _ := server.Get[server.RequestFeature](f)
	t := c.front.table.Load()
	app, no := t.find(c.local, q.Host(), q.Path())
	switch {
	case no != nil:
		return no.write(f, h.development)
	case !app.inProcess() || app.answersItself():
		return app.serve(f)
	}
	// The application became in-process, or came back online, after the connection was made. A new one gets to its worker, if
	// that may speak HTTP/2; a client sends refused streams again by itself (RFC 9113 §8.7).
	stream.DrainConnection()
	reset, _ := server.Get[server.ResetFeature](f)
	if t.exclusive() == app {
		return reset.Reset(refusedStream)
	}
	return reset.Reset(http11Required)
}
