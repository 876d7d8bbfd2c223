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

	// The same for HTTP/3: quic holds nil where it is not spoken.
	http3         HTTP3
	quic          atomic.Pointer[httpconn.Endpoint]
	quicListeners []HTTP3Listener
}

// openAllLocked opens all endpoints or none.
func (s *Server) openAllLocked(ctx context.Context, endpoints []Endpoint) ([]*opened, error) {
	var out []*opened
	for _, e := range endpoints {
		sec, err := s.secureLocked(e)
		var b []bound
		if err == nil {
			if b, err = bindBoth(ctx, e); err != nil {
				sec.end()
			}
		}
		if err != nil {
			for _, o := range out {
				o.unbind()
			}
			return nil, err
		}
		o := &opened{bound: b, http3: s.opts.HTTP3}
		o.become(e, sec)
		out = append(out, o)
	}
	return out, nil
}

// bindBoth opens the listeners of an endpoint, and the UDP sockets that it needs for HTTP/3. A port that the system found free for the first
// may be taken for the second: then it is asked for another.
func bindBoth(ctx context.Context, e Endpoint) (b []bound, err error) {
	const tries = 16
	for range tries {
		if b, err = bind(ctx, e); err != nil || !e.Protocols.speaksHTTP3() {
			return b, err
		}
		if err = bindUDP(b); err == nil {
			break
		}
		if e.Listener == nil {
			(&opened{bound: b}).unbind()
		}
		if !e.freePort() || !portTaken(err) {
			return nil, err
		}
	}
	if err == nil && e.Protocols == HTTP3Only {
		for i := range b {
			b[i].listener.Close() // it had the number of the port
		}
	}
	return b, err
}

// become makes new connections belong to e, which is at the same place, and have TLS by sec. Open ones stay what they are.
func (o *opened) become(e Endpoint, sec secured) {
	before := o.secured
	o.endpoint, o.secured = e, sec
	if e.Listener != nil {
		o.bound[0].url, o.bound[0].scheme = e.listenerURL(), e.scheme()
	}
	now := &httpconn.Endpoint{Name: nameOr(e.Name, o.bound[0].url), Scheme: o.bound[0].scheme, Middleware: e.Middleware, Attrs: o.attrs(),
		TLS: sec.config, Protocols: sec.protocols.httpconn(), HandshakeTimeout: e.HandshakeTimeout, AltSvc: o.altSvc(),
		AcceptAtOnce: e.DisableDeferAccept, KeepClientHello: e.KeepClientHello, OnClientHello: e.OnClientHello}
	if was := o.current.Swap(now); was != nil {
		o.past = append(o.past, was)
	}
	if was := o.quic.Swap(o.quicEndpoint(&e, sec.config)); was != nil {
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

// serve begins accepting. On an error the caller closes what there is.
func (o *opened) serve(m *httpconn.Manager) error {
	if err := o.serveHTTP3(m); err != nil {
		return err
	}
	o.secured.start()
	options := func() httpconn.Options { return httpconn.Options{Endpoint: o.current.Load()} }
	for _, b := range o.bound {
		if o.endpoint.Protocols == HTTP3Only {
			o.closers = append(o.closers, func() {})
			continue
		}
		o.closers = append(o.closers, m.Listen(b.listener, o.current.Load(), options))
	}
	return nil
}

// close ends accepting. It may be called again.
func (o *opened) close() {
	for _, end := range o.closers {
		end()
	}
	for _, l := range o.quicListeners {
		l.Close()
	}
	o.secured.end()
}

// release closes the UDP sockets when their last connections have ended. It may be called again.
func (o *opened) release() {
	for _, l := range o.quicListeners {
		l.Release()
	}
}

// unbind closes sockets that nobody accepts from.
func (o *opened) unbind() {
	o.secured.end()
	for _, b := range o.bound {
		b.listener.Close()
		if b.socket != nil {
			b.socket.Close()
		}
	}
}

// all are the endpoints that connections can belong to.
func (o *opened) all() []*httpconn.Endpoint {
	all := append(slices.Clone(o.past), o.current.Load())
	if quic := o.quic.Load(); quic != nil {
		all = append(all, quic)
	}
	return all
}

// called reports whether the endpoint has this name. One without is called by its URL, as it was given or as it is bound.
func (o *opened) called(name string) bool {
	if o.endpoint.Name != "" {
		return o.endpoint.Name == name
	}
	return name != "" && (o.endpoint.URL == name || o.bound[0].url == name)
}

// at reports whether e is the same socket.
func (o *opened) at(e Endpoint) bool {
	if was := o.endpoint.Protocols; was.speaksHTTP3() != e.Protocols.speaksHTTP3() || (was == HTTP3Only) != (e.Protocols == HTTP3Only) {
		return false // it has other sockets
	}
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
