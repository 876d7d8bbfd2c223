package inprocess

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/internal/route"
	"github.com/lannerhq/lanner/server"
)

// credential is what this worker ends TLS with, for connections to a name of its own: all but the private key.
type credential struct {
	endpoint *httpconn.Endpoint
	config   atomic.Pointer[tls.Config]
	names    atomic.Pointer[[]handover.Name]
	ended    atomic.Bool // its connections are on their way out

	tickets [][32]byte // only receive uses it
}

// learn acts by what the host says of a credential from now on.
func (s *Server) learn(m *handover.Credential) {
	c := s.credentials[m.ID]
	if c == nil {
		c = new(credential)
		c.endpoint = &httpconn.Endpoint{Name: "https", Scheme: "https", TLS: &tls.Config{
			MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.config.Load(), nil },
		}}
		s.credentials[m.ID] = c
	}
	c.names.Store(&m.Names)
	if m.Ended {
		c.ended.Store(true)
		delete(s.credentials, m.ID)
		s.soon(func() { s.manager.DrainEndpoint(c.endpoint) })
		return
	}
	cfg := &tls.Config{MinVersion: max(m.MinVersion, tls.VersionTLS12), MaxVersion: m.MaxVersion, CipherSuites: m.Suites, NextProtos: m.Protocols}
	for _, shown := range m.Certificates {
		cert, err := s.certificate(shown)
		if err != nil {
			s.log.Error("cannot use a certificate that the host sent", "error", err)
			continue
		}
		cfg.Certificates = append(cfg.Certificates, cert)
	}
	if c.tickets != nil {
		cfg.SetSessionTicketKeys(c.tickets)
	}
	c.config.Store(cfg)
}

// certificate is a chain that the host shows, with a key that is there.
func (s *Server) certificate(shown handover.Certificate) (tls.Certificate, error) {
	leaf, err := x509.ParseCertificate(shown.Chain[0])
	if err != nil {
		return tls.Certificate{}, err
	}
	key := &distantKey{id: shown.Key, public: leaf.PublicKey, signer: s.signer, outside: s.manager.OutsideHandshake}
	return tls.Certificate{Certificate: shown.Chain, PrivateKey: key, OCSPStaple: shown.Staple, Leaf: leaf}, nil
}

// renewTickets acts by other ticket keys from now on.
func (s *Server) renewTickets(m *handover.TicketKeys) {
	c := s.credentials[m.Credential]
	if c == nil {
		return
	}
	c.tickets = m.Keys
	if cfg := c.config.Load(); cfg != nil {
		cfg.SetSessionTicketKeys(m.Keys)
	}
}

// secure serves a connection whose client begins with a handshake.
func (s *Server) secure(nc net.Conn, m *handover.Conn) {
	c := s.credentials[m.Credential]
	if c == nil {
		s.log.Error("the host has sent a connection for a name that it had not told", "error", fmt.Sprintf("no credential %d", m.Credential))
		nc.Close()
		s.send(&handover.Done{ID: m.ID})
		return
	}
	from := &origin{id: m.ID, slot: handover.NoSlot, ours: true, visit: &visit{credential: c, fresh: &s.fresh}}
	features := server.NewFeatures(s.features)
	server.Set(features, from.visit)
	s.fresh.begin()
	s.send(&handover.Accepted{ID: m.ID})
	s.manager.Serve(nc, c.endpoint, httpconn.Options{Tag: from, Shared: true, Features: features})
}

// owns reports whether a request for a host, on a connection that was made for a name of this worker, is this worker's. The first that matches decides.
func (c *credential) owns(host string) bool {
	name := route.Hostname(host)
	for _, n := range *c.names.Load() {
		if route.MatchHost(n.Host, name) {
			return n.Own
		}
	}
	return false
}

// process serves a request on such a connection, or says that it came to the wrong one: "421 ... indicates that the request was directed at a server
// that is unable or unwilling to produce an authoritative response for the target URI" (RFC 9110 §15.5.20).
func (c *credential) process(o owned, f *server.Features) error {
	q, _ := server.Get[server.RequestFeature](f)
	if c.owns(q.Host()) && !(c.ended.Load() && o.s.routes.Load().foreign(q.Path())) {
		return o.app.Process(f)
	}
	if stream, ok := server.Get[httpconn.StreamFeature](f); ok && c.ended.Load() { // a reload has made it another's: on a new connection it is served
		if reset, ok := server.Get[server.ResetFeature](f); ok {
			stream.DrainConnection()
			return reset.Reset(refusedStream)
		}
	}
	res, _ := server.Get[server.ResponseFeature](f)
	const text = "HTTP Error 421 - Misdirected Request\nthis connection was made for another host name: use one made for it\n"
	res.SetStatus(421)
	res.Header().Set("Content-Type", "text/plain; charset=utf-8")
	res.Header().Set("Cache-Control", "no-store")
	if c.ended.Load() {
		res.Header().Set("Connection", "close")
	}
	res.Header().Set("Content-Length", fmt.Sprint(len(text)))
	_, err := res.Write([]byte(text))
	return err
}
