package inprocess

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/server"
)

// describe makes a connection that stands for a client's look like it: the host ends TLS and forwards over this one.
func (s *Server) describe(client *handover.Client, opts *httpconn.Options) {
	if client == nil {
		return
	}
	opts.Remote, opts.Local = address(client.Remote), address(client.Local)
	if client.TLS == nil {
		return
	}
	state, err := stateOf(client.TLS)
	if err != nil {
		s.log.Warn("cannot read the client's certificate that the host sent", "remote", client.Remote, "error", err)
	}
	features := server.NewFeatures(s.features)
	server.Set[server.TLSHandshakeFeature](features, state)
	server.Set[server.TLSConnectionFeature](features, state)
	opts.Features = features
}

// address reads an address and a port; nil for anything else.
func address(text string) net.Addr {
	ap, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil
	}
	return net.TCPAddrFromAddrPort(ap)
}

// negotiated is a handshake that the host made.
type negotiated struct{ state tls.ConnectionState }

var (
	_ server.TLSHandshakeFeature  = (*negotiated)(nil)
	_ server.TLSConnectionFeature = (*negotiated)(nil)
)

func (n *negotiated) TLSState() *tls.ConnectionState { return &n.state }

func (n *negotiated) ClientCertificate() *x509.Certificate {
	if len(n.state.PeerCertificates) == 0 {
		return nil
	}
	return n.state.PeerCertificates[0]
}

// stateOf makes a handshake's state of what the host tells. Certificates that cannot be read are left out.
func stateOf(t *handover.ClientTLS) (*negotiated, error) {
	n := &negotiated{tls.ConnectionState{
		Version: t.Version, HandshakeComplete: true, DidResume: t.Resumed, CipherSuite: t.CipherSuite, NegotiatedProtocol: t.Protocol,
		ServerName: t.ServerName,
	}}
	for _, der := range t.Certificates {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			n.state.PeerCertificates = nil
			return n, err
		}
		n.state.PeerCertificates = append(n.state.PeerCertificates, cert)
	}
	return n, nil
}
