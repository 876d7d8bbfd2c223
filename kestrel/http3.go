package kestrel

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/metrics"
)

// HTTP3 is how a server comes by QUIC: http3.New, of package http3 at the root of the module, returns one. Programs that do not import
// that package do not link a QUIC implementation. It is no seam for others: its methods are kestrel's and that package's.
type HTTP3 interface {
	// Validate returns all mistakes in its options, joined.
	Validate() error
	// EarlyDataAll reports whether requests with unsafe methods in early data reach handlers.
	EarlyDataAll() bool
	// Listen serves the QUIC connections of a socket, which is its own from then on; on an error the caller closes it.
	Listen(socket net.PacketConn, h HTTP3Handler) (HTTP3Listener, error)
}

// HTTP3Handler is an endpoint as an HTTP3 sees it. What it says may change while it serves.
type HTTP3Handler interface {
	// TLS is what the next handshake is made by, HandshakeTimeout how long it may take; 0 for no limit.
	TLS() *tls.Config
	HandshakeTimeout() time.Duration
	// Full reports whether a connection would be refused: then clients prove their addresses first, which the log names.
	Full() bool
	// Begin begins a handshake; nil refuses it.
	Begin(remote net.Addr) *httpconn.QUICHandshake
	// Serve serves a connection to its end.
	Serve(httpconn.QUIC)
}

// HTTP3Listener is a socket that is listened on.
type HTTP3Listener interface {
	// Close ends accepting connections; those that are open go on.
	Close()
	// Release closes the socket. The connections have ended before; handlers that ignore it may still run.
	Release()
}

// speaksHTTP3 reports whether the endpoint has a UDP socket, too.
func (p Protocols) speaksHTTP3() bool { return p == HTTP3Only || p == HTTP1AndHTTP2AndHTTP3 }

// checkHTTP3 calls bad for each reason for which the endpoint cannot speak HTTP/3 as it is to.
func (e *Endpoint) checkHTTP3(h HTTP3, bad func(option, format string, args ...any)) {
	for name, o := range e.SNI {
		if o.Protocols != nil && o.Protocols.speaksHTTP3() != e.Protocols.speaksHTTP3() {
			bad("Sni."+name+".Protocols", "endpoint %q: Protocols is %v, and %v under the name %q: HTTP/3 is spoken under all names of an endpoint or none", e.Name, e.Protocols, *o.Protocols, name)
		}
	}
	if !e.Protocols.speaksHTTP3() {
		return
	}
	if h == nil {
		bad("Protocols", "endpoint %q: Protocols is %v, but Options.HTTP3 is not set: import github.com/lannerhq/lanner/http3 and set it to http3.New(http3.Options{})", e.Name, e.Protocols)
	}
	if !e.encrypted() {
		bad("Protocols", "endpoint %q: Protocols is %v, but there is no certificate: HTTP/3 is always encrypted; set the endpoint's TLS or Certificate, or leave HTTP/3 out", e.Name, e.Protocols)
	}
	if len(e.Middleware) > 0 {
		bad("Middleware", "endpoint %q: Protocols is %v, but connection middleware does not run on QUIC connections: leave the middleware or HTTP/3 out, or give them endpoints of their own", e.Name, e.Protocols)
	}
	if e.Listener != nil {
		if _, tcp := e.Listener.Addr().(*net.TCPAddr); !tcp {
			bad("Protocols", "endpoint %q: Protocols is %v, but its Listener is not on a TCP port whose UDP twin could be opened", e.Name, e.Protocols)
		}
		return
	}
	if a, err := ParseAddress(e.URL); err == nil && a.isUnix() {
		bad("Protocols", "endpoint %q: Protocols is %v, but there is no HTTP/3 on a unix socket: leave HTTP/3 out", e.Name, e.Protocols)
	}
}

// bindUDP opens the UDP socket on the address of each of an endpoint's listeners.
//
// There is one socket for an address. Several with SO_REUSEPORT are chosen between by the addresses of a packet, while a QUIC connection
// goes by its ID and lives on when its client's address changes (RFC 9000 §9): its packets would come to a socket that does not know it.
func bindUDP(open []bound) error {
	for i := range open {
		addr, ok := open[i].listener.Addr().(*net.TCPAddr)
		if !ok {
			return fmt.Errorf("cannot speak HTTP/3 at %s: it is not a TCP port whose UDP twin could be opened", open[i].url)
		}
		network := "udp"
		if addr.IP.To4() != nil {
			network = "udp4"
		} else if len(open) > 1 {
			network = "udp6" // localhost, which has a socket for each
		}
		socket, err := net.ListenUDP(network, &net.UDPAddr{IP: addr.IP, Port: addr.Port, Zone: addr.Zone})
		if err != nil {
			for j := range i {
				open[j].socket.Close()
				open[j].socket = nil
			}
			return fmt.Errorf("failed to bind to UDP port %d of %s for HTTP/3: %w", addr.Port, open[i].url, err)
		}
		open[i].socket = socket
	}
	return nil
}

// freePort reports whether the system chose the endpoint's port, which may be taken as a UDP port.
func (e *Endpoint) freePort() bool {
	a, err := ParseAddress(e.URL)
	return e.Listener == nil && err == nil && !a.isUnix() && !a.isDescriptor() && a.Port == 0
}

// portTaken reports whether binding failed since somebody else has the port.
func portTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// altSvc is the Alt-Svc field by which clients of HTTP/1.1 and 2 learn of HTTP/3 (RFC 7838, RFC 9114 §3.1.1); "" for none.
func (o *opened) altSvc() string {
	e := &o.endpoint
	if !e.Protocols.speaksHTTP3() || e.DisableAltSvc {
		return ""
	}
	return `h3=":` + strconv.Itoa(port(o.bound[0].listener)) + `"; ma=86400`
}

// quicEndpoint is the endpoint as its QUIC connections belong to it; nil when it has none.
func (o *opened) quicEndpoint(e *Endpoint, cfg *tls.Config) *httpconn.Endpoint {
	if !e.Protocols.speaksHTTP3() || o.bound[0].socket == nil {
		return nil
	}
	attrs := o.attrs()
	attrs.Transport = metrics.EndpointOf(o.bound[0].socket.LocalAddr()).Transport
	return &httpconn.Endpoint{Name: nameOr(e.Name, o.bound[0].url), Scheme: "https", Attrs: attrs, TLS: cfg,
		HandshakeTimeout: e.HandshakeTimeout, EarlyDataAll: o.http3.EarlyDataAll()}
}

// serveHTTP3 listens on the UDP sockets.
func (o *opened) serveHTTP3(m *httpconn.Manager) error {
	if o.quic.Load() == nil {
		return nil
	}
	for _, b := range o.bound {
		l, err := o.http3.Listen(b.socket, &quicHandler{o, m})
		if err != nil {
			return fmt.Errorf("cannot serve HTTP/3 at %s: %w", strings.Replace(b.url, "https://", "udp://", 1), err)
		}
		o.quicListeners = append(o.quicListeners, l)
	}
	return nil
}

// quicHandler implements HTTP3Handler.
type quicHandler struct {
	o *opened
	m *httpconn.Manager
}

func (h *quicHandler) TLS() *tls.Config { return h.o.quic.Load().QUICTLS() }

func (h *quicHandler) HandshakeTimeout() time.Duration {
	d := h.o.quic.Load().HandshakeTimeout
	if d == 0 {
		d = httpconn.DefaultHandshakeTimeout
	}
	return max(0, d)
}

func (h *quicHandler) Full() bool { return h.m.Full() }

func (h *quicHandler) Begin(remote net.Addr) *httpconn.QUICHandshake {
	return h.m.BeginQUIC(h.o.quic.Load(), remote)
}

func (h *quicHandler) Serve(q httpconn.QUIC) { h.m.ServeQUIC(q, h.o.quic.Load()) }
