package kestrel

import (
	"context"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/metrics"
)

// opened is an endpoint whose sockets are bound. What is not atomic belongs to the server's mu.
type opened struct {
	endpoint Endpoint
	secured  secured
	bound    []bound
	closers  []func() // of the listeners, while it serves

	// current is what new connections belong to; past what open ones still may, from before the endpoint changed.
	current atomic.Pointer[httpconn.Endpoint]
	past    []*httpconn.Endpoint
}

// openAllLocked opens all endpoints or none.
func (s *Server) openAllLocked(ctx context.Context, endpoints []Endpoint) ([]*opened, error) {
	var out []*opened
	for _, e := range endpoints {
		sec, err := s.secureLocked(e)
		var b []bound
		if err == nil {
			if b, err = bind(ctx, e); err != nil {
				sec.end()
			}
		}
		if err != nil {
			for _, o := range out {
				o.unbind()
			}
			return nil, err
		}
		o := &opened{bound: b}
		o.become(e, sec)
		out = append(out, o)
	}
	return out, nil
}

// become makes new connections belong to e, which is at the same place, and have TLS by sec. Open ones stay what they are.
func (o *opened) become(e Endpoint, sec secured) {
	before := o.secured
	o.endpoint, o.secured = e, sec
	if e.Listener != nil {
		o.bound[0].url, o.bound[0].scheme = e.listenerURL(), e.scheme()
	}
	now := &httpconn.Endpoint{Name: nameOr(e.Name, o.bound[0].url), Scheme: o.bound[0].scheme, Middleware: e.Middleware, Attrs: o.attrs(),
		TLS: sec.config, Protocols: sec.protocols.httpconn(), HandshakeTimeout: e.HandshakeTimeout}
	if was := o.current.Swap(now); was != nil {
		o.past = append(o.past, was)
	}
	before.end()
}

// attrs say in metrics where the endpoint listens. localhost has a socket for each version of IP, and goes by its name.
func (o *opened) attrs() metrics.EndpointAttrs {
	attrs := metrics.EndpointOf(o.bound[0].listener.Addr())
	if len(o.bound) > 1 {
		attrs.Address, attrs.NetworkType = "localhost", ""
	}
	return attrs
}

func (o *opened) serve(m *httpconn.Manager) {
	o.secured.start()
	options := func() httpconn.Options { return httpconn.Options{Endpoint: o.current.Load()} }
	for _, b := range o.bound {
		o.closers = append(o.closers, m.Listen(b.listener, o.current.Load(), options))
	}
}

// close ends accepting. It may be called again.
func (o *opened) close() {
	for _, end := range o.closers {
		end()
	}
	o.secured.end()
}

// unbind closes sockets that nobody accepts from.
func (o *opened) unbind() {
	o.secured.end()
	for _, b := range o.bound {
		b.listener.Close()
	}
}

// all are the endpoints that connections can belong to.
func (o *opened) all() []*httpconn.Endpoint { return append(slices.Clone(o.past), o.current.Load()) }

// called reports whether the endpoint has this name. One without is called by its URL, as it was given or as it is bound.
func (o *opened) called(name string) bool {
	if o.endpoint.Name != "" {
		return o.endpoint.Name == name
	}
	return name != "" && (o.endpoint.URL == name || o.bound[0].url == name)
}

// at reports whether e is the same socket.
func (o *opened) at(e Endpoint) bool {
	if o.endpoint.Listener != nil || e.Listener != nil {
		return sameListener(o.endpoint.Listener, e.Listener)
	}
	a, err1 := ParseAddress(o.endpoint.URL)
	b, err2 := ParseAddress(e.URL)
	return err1 == nil && err2 == nil && a.place() == b.place()
}

// serves reports whether connections are served by e as it is. Configurations of TLS are compared by their identity, certificates by their
// files' names: what they have is the store's.
func (o *opened) serves(e Endpoint, by watching) bool {
	was := o.endpoint
	if was.TLS != e.TLS || o.secured.store != nil && o.secured.watching != by {
		return false
	}
	was.TLS, e.TLS = nil, nil
	return reflect.DeepEqual(was, e)
}

func sameListener(a, b net.Listener) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && a == b
}

// place is the address in a form that is equal for equal sockets: every name but localhost means every address.
func (a Address) place() string {
	if !a.isUnix() && !a.isDescriptor() && !a.ip().IsValid() && !strings.EqualFold(a.Host, "localhost") {
		a.Host = "*"
	}
	return a.String()
}
