package host

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/host/forwarder"
	"github.com/lannerhq/lanner/server"
)

// A client of an https front keeps its connection to the host, which has the keys. Requests for an in-process application go over
// connections that the host makes for this client alone: one end of a pair of sockets is handed to the worker, as a client's connection is
// on other fronts, with what the host knows of the client. Such a connection is called a link. It wanders between workers like any other
// connection that was handed over, so a recycle, a drain and a crash need no other rules.

// links are those of one client, by application.
type links struct {
	mu     sync.Mutex
	closed bool
	of     map[*application]*forwarder.Upstream
}

// link returns what forwards the client's requests to an in-process application.
func (c *hostConn) link(a *application, f *server.Features) (*forwarder.Upstream, error) {
	c.links.mu.Lock()
	defer c.links.mu.Unlock()
	if c.links.closed {
		return nil, net.ErrClosed
	}
	if u := c.links.of[a]; u != nil {
		return u, nil
	}
	client := clientOf(f)
	u, err := a.host.forwarder.NewUpstream("the in-process application "+a.name(), forwarder.Options{
		Dial:   func(context.Context) (net.Conn, error) { return a.newLink(c.front, client) },
		Inside: true, NoForwardedFields: true, RequestTimeout: -1, Logger: a.log,
		MaxIdle: maxIdleLinks, IdleTimeout: idleLinkTime(a.cfg.Load().limits.KeepAliveTimeout),
	})
	if err != nil {
		return nil, err
	}
	if c.links.of == nil {
		c.links.of = make(map[*application]*forwarder.Upstream)
	}
	c.links.of[a] = u
	return u, nil
}

// maxIdleLinks is as many as an HTTP/2 client can have requests at a time.
const maxIdleLinks = 100

// idleLinkTime is less than the worker keeps a connection, so that it does not close one just as it is used again.
func idleLinkTime(keepAlive time.Duration) time.Duration {
	if keepAlive <= 0 {
		return 0
	}
	return min(keepAlive*3/4, 90*time.Second)
}

// newLink makes a link and sends its other end to a worker, now or when there is one.
func (a *application) newLink(f *front, client *handover.Client) (net.Conn, error) {
	near, far, err := handover.Pair()
	if err != nil {
		return nil, err
	}
	a.host.deliver(&delivery{front: f, copy: far, app: a, arrival: time.Now(), client: client})
	return near, nil
}

// close ends the client's links.
func (l *links) close() {
	l.mu.Lock()
	l.closed = true
	all := l.of
	l.of = nil
	l.mu.Unlock()
	for _, u := range all {
		u.Close()
	}
}

// clientOf is what a worker is told of a client.
func clientOf(f *server.Features) *handover.Client {
	c := new(handover.Client)
	if conn, ok := server.Get[server.ConnectionFeature](f); ok {
		c.Remote, c.Local = conn.RemoteAddrText(), addrText(conn.LocalAddr())
	}
	shake, ok := server.Get[server.TLSHandshakeFeature](f)
	if !ok {
		return c
	}
	state := shake.TLSState()
	c.TLS = &handover.ClientTLS{
		Version: state.Version, CipherSuite: state.CipherSuite, ServerName: state.ServerName, Protocol: state.NegotiatedProtocol,
		Resumed: state.DidResume, Certificates: certificatesOf(state),
	}
	return c
}

// certificatesOf are the client's certificates; of a chain that is too long only its own.
func certificatesOf(state *tls.ConnectionState) (chain [][]byte) {
	size := 0
	for _, cert := range state.PeerCertificates {
		if size += len(cert.Raw); size > handover.MaxCertificates {
			return chain[:min(1, len(chain))]
		}
		chain = append(chain, cert.Raw)
	}
	return chain
}

func addrText(addr net.Addr) string {
	if addr == nil {
		return ""
	}
	return addr.String()
}

// answerLink answers the request that is on a link, or comes soon, instead of a worker.
func (d *delivery) answerLink(no *answer) {
	nc, err := d.copy.Conn()
	if err != nil {
		return
	}
	if !d.app.host.waiting.Go(func() { answerFirst(nc, d.prefix, no) }) {
		nc.Close()
	}
}

// answerFirst waits for a request before it answers: on a link that rests nobody wants to hear of it.
func answerFirst(nc net.Conn, prefix []byte, no *answer) {
	if len(prefix) == 0 {
		nc.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
			nc.Close()
			return
		}
	}
	answerRaw(nc, no)
}
