package forwardedheaders

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/lannerhq/lanner/server"
)

// application is the middleware in front of a server.Application.
type application struct {
	f    *forwarder
	next server.Application
}

// Process changes the features and passes them on.
func (a application) Process(features *server.Features) error {
	st, _ := server.Get[*state](features)
	req, ok := server.Get[server.RequestFeature](features)
	if !ok || st.has(a.f) {
		return a.next.Process(features)
	}
	m := &message{
		peer:     peerOf(features),
		scheme:   req.Scheme(),
		host:     req.Host(),
		pathBase: req.PathBase(),
		values:   req.Header().Values,
	}
	d := a.f.run(m, st)
	if d.reject {
		if res, ok := server.Get[server.ResponseFeature](features); ok {
			res.SetStatus(http.StatusBadRequest)
		}
		return nil
	}
	if d.taken != 0 {
		st = st.after(a.f, d)
	}
	applyFeatures(features, st, d)
	return a.next.Process(features)
}

func peerOf(features *server.Features) peer {
	conn, ok := server.Get[server.ConnectionFeature](features)
	if !ok {
		return peer{}
	}
	return parsePeer(conn.RemoteAddrText(), isUnix(conn.RemoteAddr()))
}

// applyFeatures puts features in front of the server's that answer with the new values.
func applyFeatures(features *server.Features, st *state, d decided) {
	if below, ok := server.Get[server.RequestFeature](features); ok && (d.taken != 0 || len(d.edits) > 0) {
		server.Set[server.RequestFeature](features, overrideRequest(below, d))
	}
	if d.taken == 0 {
		return
	}
	server.Set(features, st)
	if d.taken&For != 0 {
		below, ok := server.Get[server.ConnectionFeature](features)
		if !ok {
			below = noConnection{}
		}
		server.Set[server.ConnectionFeature](features, &connection{below, d.remote, d.remote.String()})
	}
}

// request is a request as the client made it to the proxy.
type request struct {
	server.RequestFeature
	scheme, host, pathBase string
	header                 server.Headers
}

func (q *request) Scheme() string          { return q.scheme }
func (q *request) Host() string            { return q.host }
func (q *request) PathBase() string        { return q.pathBase }
func (q *request) Header() *server.Headers { return &q.header }

// Retain lets the request below last, and with it the strings that header shares with it.
func (q *request) Retain() {
	if below, ok := q.RequestFeature.(server.Retainer); ok {
		below.Retain()
	}
}

func overrideRequest(below server.RequestFeature, d decided) *request {
	q := &request{RequestFeature: below, scheme: below.Scheme(), host: below.Host(), pathBase: below.PathBase()}
	for name, value := range below.Header().All() {
		q.header.Add(name, value)
	}
	for _, e := range d.edits {
		if e.remove {
			q.header.Del(e.name)
		} else {
			q.header.Set(e.name, e.value)
		}
	}
	if d.taken&Proto != 0 {
		q.scheme = d.scheme
	}
	if d.taken&Host != 0 {
		q.host = d.host
		q.header.Set("Host", d.host)
	}
	if d.taken&Prefix != 0 {
		q.pathBase = d.prefix
	}
	return q
}

// connection is a connection whose other end is the client, not the proxy.
type connection struct {
	server.ConnectionFeature
	remote netip.AddrPort
	text   string
}

func (c *connection) RemoteAddr() net.Addr   { return net.TCPAddrFromAddrPort(c.remote) }
func (c *connection) RemoteAddrText() string { return c.text }

// noConnection stands below on a server that says nothing about its connections.
type noConnection struct{}

func (noConnection) ConnectionID() string   { return "" }
func (noConnection) LocalAddr() net.Addr    { return nil }
func (noConnection) RemoteAddr() net.Addr   { return nil }
func (noConnection) RemoteAddrText() string { return "" }
func (noConnection) EndpointName() string   { return "" }
