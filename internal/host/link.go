package host

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/host/forwarder"
	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// A client of an https front keeps its connection to the host, which has the keys. Requests for an in-process application go over
// connections that the host makes for this client alone: one end of a pair of sockets is handed to the worker, as a client's connection is
// on other fronts, with what the host knows of the client. Such a connection is called a link. It wanders between workers like any other
// connection that was handed over, so a recycle, a drain and a crash need no other rules. On a front without TLS one is made for a request that
// was read when its application was out-of-process and is in-process by now.

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

// newLinkManager returns what serves links that no worker has: one that rests, until there is a request, and one whose request is none of a
// worker's, since a reload made the application out-of-process, or since there is only an answer to give. The limits of the client's
// connection have been applied.
func (h *Host) newLinkManager() *httpconn.Manager {
	opts := kestrel.Options{Logger: h.log, Limits: kestrel.Limits{
		MaxRequestLineSize: maxLinkHead, MaxRequestHeadersTotalSize: maxLinkHead, MaxRequestHeaderCount: maxLinkHead, MaxRequestBufferSize: 4 * maxLinkHead,
		MaxRequestBodySize: kestrel.None, KeepAliveTimeout: kestrel.None, RequestHeadersTimeout: kestrel.None,
		MinRequestBodyDataRate: server.DataRate{BytesPerSecond: -1}, MinResponseDataRate: server.DataRate{BytesPerSecond: -1},
	}}
	cfg := opts.Connections(server.ApplicationFunc(h.process), h.features)
	cfg.Claim = func(_ *http1.Request, tag any) bool { return tag.(*hostConn).claimLink() }
	cfg.Released = func(nc net.Conn, unread []byte, tag any) {
		c := tag.(*hostConn)
		c.links.close()
		h.deliver(&delivery{front: c.front, conn: nc, prefix: unread, app: c.app, arrival: time.Now(), client: c.client})
	}
	cfg.Ended = func(tag any, _ uint32) { tag.(*hostConn).links.close() }
	return httpconn.New(cfg)
}

// maxLinkHead is beyond what a front can let through.
const maxLinkHead = 1 << 24

// claimLink decides about a request on a link as front.claim does about others; whose it is has been looked up.
func (c *hostConn) claimLink() bool {
	c.no, c.forced = c.forced, nil
	return c.no != nil || !c.app.inProcess() || c.app.answersItself()
}

// serveLink puts a link under the host's engine. forced, if not nil, is the answer to its request.
func (d *delivery) serveLink(nc net.Conn, forced *answer) {
	h := d.app.host
	c := &hostConn{front: d.front, app: d.app, client: d.client, forced: forced}
	opts := httpconn.Options{Prefix: d.prefix, Tag: c, Features: server.NewFeatures(h.features)}
	server.Set(opts.Features, c)
	opts.Remote, opts.Local = d.client.Addrs()
	if d.client.TLS != nil {
		state, _ := d.client.TLS.State() // its certificates have been read before
		httpconn.SetTLS(opts.Features, state)
	}
	h.links.Serve(nc, h.linkEndpoints[d.front.scheme], opts)
}
