package host

import (
	"slices"

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

// drainHTTP2 tells the clients of HTTP/2 connections at the addresses of an application that has become in-process to make new ones.
func (h *Host) drainHTTP2(a *application) {
	h.mu.Lock()
	var mine []*front
	for _, f := range h.fronts {
		if f.table.Load().has(a) && !f.encrypted() {
			mine = append(mine, f)
		}
	}
	h.mu.Unlock()
	for _, f := range mine {
		if m := f.manager.Load(); m != nil {
			m.DrainHTTP2()
		}
	}
}

func (t *table) has(a *application) bool {
	for _, e := range t.entries {
		if slices.Contains(e.site.apps, a) {
			return true
		}
	}
	return false
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
	return c.refuse(app, f, stream)
}

// processSecure handles a request on a connection with TLS. Each finds its own application, in either version of HTTP.
func (c *hostConn) processSecure(f *server.Features) error {
	q, _ := server.Get[server.RequestFeature](f)
	t := c.front.table.Load()
	if shake, ok := server.Get[server.TLSHandshakeFeature](f); !ok || t.misdirected(c.local, q.Host(), shake.TLSState()) {
		return misdirected.write(f, c.front.host.development)
	}
	app, no := t.find(c.local, q.Host(), q.Path())
	if no != nil {
		return no.write(f, c.front.host.development)
	}
	return app.serve(f)
}

// refuse resets a stream whose request is an in-process worker's: the application became in-process, or came back online, after the
// connection was made. A new one gets to the worker, if that may speak HTTP/2; a client sends refused streams again by itself
// (RFC 9113 §8.7).
func (c *hostConn) refuse(app *application, f *server.Features, stream httpconn.StreamFeature) error {
	stream.DrainConnection()
	reset, _ := server.Get[server.ResetFeature](f)
	if c.front.table.Load().exclusive() == app {
		return reset.Reset(refusedStream)
	}
	return reset.Reset(http11Required)
}
