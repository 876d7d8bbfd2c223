package metrics

import (
	"net"
	"slices"
	"time"
)

// EndpointAttrs say where a server listens. Empty fields are left out.
type EndpointAttrs struct {
	Address     string // server.address: an IP address, a host name, or the path of a unix socket
	Port        int    // server.port; 0 for none
	NetworkType string // network.type: "ipv4" or "ipv6"
	Transport   string // network.transport: "tcp", "udp", "unix", "pipe" or "quic"
}

// EndpointOf returns the attributes of a listener's address. The address [::] takes both versions of IP on most systems,
// and has no network type therefore.
func EndpointOf(addr net.Addr) EndpointAttrs {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return EndpointAttrs{host(a.IP, a.Zone), a.Port, networkType(a.IP), "tcp"}
	case *net.UDPAddr:
		return EndpointAttrs{host(a.IP, a.Zone), a.Port, networkType(a.IP), "udp"}
	case *net.UnixAddr:
		return EndpointAttrs{Address: a.Name, Transport: "unix"}
	case nil:
		return EndpointAttrs{}
	}
	return EndpointAttrs{Address: addr.String(), Transport: addr.Network()}
}

func host(ip net.IP, zone string) string { return (&net.IPAddr{IP: ip, Zone: zone}).String() }

func networkType(ip net.IP) string {
	switch {
	case ip.To4() != nil:
		return "ipv4"
	case len(ip) == net.IPv6len && !ip.IsUnspecified():
		return "ipv6"
	}
	return ""
}

func (a EndpointAttrs) attrs() []Attr {
	list := []Attr{
		optional("server.address", a.Address), optional("network.type", a.NetworkType), optional("network.transport", a.Transport),
	}
	if a.Port != 0 {
		list = append(list, Int("server.port", int64(a.Port)))
	}
	return list
}

// An Endpoint records what happens at one endpoint of a [Server]. It is made by Server.Endpoint and safe for concurrent
// use. A nil *Endpoint does nothing.
//
// Every Started has one Ended. An error type is Kestrel's name for why something ended badly, such as
// "keep_alive_timeout"; "" means that it ended well. It is up to the caller, not to a client, so that there are few.
type Endpoint struct {
	server *Server

	activeConnections, queuedConnections, upgradedConnections, activeHandshakes Adder

	connectionDuration  *cache[connectionEnd, Recorder]
	rejectedConnections *cache[string, Adder]
	queuedRequests      *cache[string, Adder]
	handshakeDuration   *cache[handshakeEnd, Recorder]
}

// connectionEnd and handshakeEnd are what the series of an endpoint differ in.
type (
	connectionEnd struct {
		protocol  Protocol
		errorType string
	}
	handshakeEnd struct{ tlsVersion, errorType string }
)

// Protocol is what a connection spoke. Empty fields are left out.
type Protocol struct {
	Name       string // network.protocol.name: "http", or "web_sockets" after an upgrade to it
	Version    string // network.protocol.version: "1.1", "2" or "3"
	TLSVersion string // tls.protocol.version: "1.2" or "1.3"
}

// Endpoint returns the recorder for an endpoint. Call it once for each; a second one with the same attributes records
// into the same series.
func (s *Server) Endpoint(attrs EndpointAttrs) *Endpoint {
	if s == nil {
		return nil
	}
	list := attrs.attrs()
	with := func(more ...Attr) []Attr { return append(slices.Clone(list), more...) }
	return &Endpoint{
		server:              s,
		activeConnections:   s.activeConnections.Bind(list...),
		queuedConnections:   s.queuedConnections.Bind(list...),
		upgradedConnections: s.upgradedConnections.Bind(list...),
		activeHandshakes:    s.activeHandshakes.Bind(list...),
		connectionDuration: newCache(func(end connectionEnd) Recorder {
			return s.connectionDuration.Bind(with(optional("network.protocol.name", end.protocol.Name),
				optional("network.protocol.version", end.protocol.Version),
				optional("tls.protocol.version", end.protocol.TLSVersion), optional("error.type", end.errorType))...)
		}, func() Recorder { return s.connectionDuration.Bind(overflowAttr) }),
		rejectedConnections: newCache(func(errorType string) Adder {
			return s.rejectedConnections.Bind(with(optional("error.type", errorType))...)
		}, func() Adder { return s.rejectedConnections.Bind(overflowAttr) }),
		queuedRequests: newCache(func(version string) Adder {
			return s.queuedRequests.Bind(with(String("network.protocol.name", "http"), optional("network.protocol.version", version))...)
		}, func() Adder { return s.queuedRequests.Bind(overflowAttr) }),
		handshakeDuration: newCache(func(end handshakeEnd) Recorder {
			return s.handshakeDuration.Bind(with(optional("tls.protocol.version", end.tlsVersion), optional("error.type", end.errorType))...)
		}, func() Recorder { return s.handshakeDuration.Bind(overflowAttr) }),
	}
}

// ConnectionStarted counts a connection as active.
func (e *Endpoint) ConnectionStarted() {
	if e != nil {
		e.activeConnections.Add(1)
	}
}

// ConnectionEnded takes back ConnectionStarted, and records how long the connection lasted.
func (e *Endpoint) ConnectionEnded(d time.Duration, protocol Protocol, errorType string) {
	if e != nil {
		e.activeConnections.Add(-1)
		e.connectionDuration.get(connectionEnd{protocol, errorType}).Record(seconds(d))
	}
}

// ConnectionRejected counts a connection that was closed at once, because there are too many or the server stops. The
// conventions have no error.type here; pass "" to stay with them.
func (e *Endpoint) ConnectionRejected(errorType string) {
	if e != nil {
		e.rejectedConnections.get(errorType).Add(1)
	}
}

// ConnectionQueued counts an accepted connection that waits to be served, until ConnectionDequeued.
func (e *Endpoint) ConnectionQueued() {
	if e != nil {
		e.queuedConnections.Add(1)
	}
}

// ConnectionDequeued takes back ConnectionQueued.
func (e *Endpoint) ConnectionDequeued() {
	if e != nil {
		e.queuedConnections.Add(-1)
	}
}

// RequestQueued counts a request of an HTTP/2 or HTTP/3 connection that waits to be served, until RequestDequeued.
// version is "2" or "3".
func (e *Endpoint) RequestQueued(version string) {
	if e != nil {
		e.queuedRequests.get(version).Add(1)
	}
}

// RequestDequeued takes back RequestQueued. version is the same.
func (e *Endpoint) RequestDequeued(version string) {
	if e != nil {
		e.queuedRequests.get(version).Add(-1)
	}
}

// UpgradeStarted counts an HTTP/1.1 connection that now speaks another protocol, or a stream of HTTP/2 that is a tunnel, until
// UpgradeEnded. The connection stays an active one.
func (e *Endpoint) UpgradeStarted() {
	if e != nil {
		e.upgradedConnections.Add(1)
	}
}

// UpgradeEnded takes back UpgradeStarted.
func (e *Endpoint) UpgradeEnded() {
	if e != nil {
		e.upgradedConnections.Add(-1)
	}
}

// TLSHandshakeStarted counts a TLS handshake as being in progress.
func (e *Endpoint) TLSHandshakeStarted() {
	if e != nil {
		e.activeHandshakes.Add(1)
	}
}

// TLSHandshakeEnded takes back TLSHandshakeStarted, and records how long the handshake took. tlsVersion is "1.2" or
// "1.3", or "" when it failed before that was known.
func (e *Endpoint) TLSHandshakeEnded(d time.Duration, tlsVersion, errorType string) {
	if e != nil {
		e.activeHandshakes.Add(-1)
		e.handshakeDuration.get(handshakeEnd{tlsVersion, errorType}).Record(seconds(d))
	}
}

// RequestStarted is [Server.RequestStarted].
func (e *Endpoint) RequestStarted(method, scheme string) {
	if e != nil {
		e.server.RequestStarted(method, scheme)
	}
}

// RequestEnded is [Server.RequestEnded].
func (e *Endpoint) RequestEnded(a RequestAttrs, d time.Duration, requestBytes, responseBytes int64) {
	if e != nil {
		e.server.RequestEnded(a, d, requestBytes, responseBytes)
	}
}
