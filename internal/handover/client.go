package handover

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
)

// Addrs are the addresses as package net has them; nil for one that it has not, or that cannot be read.
func (c *Client) Addrs() (remote, local net.Addr) { return address(c.Remote), address(c.Local) }

func address(text string) net.Addr {
	ap, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil
	}
	return net.TCPAddrFromAddrPort(ap)
}

// State is the handshake as package tls has it. After an error, which is that of a certificate, it is without certificates.
func (t *ClientTLS) State() (tls.ConnectionState, error) {
	s := tls.ConnectionState{
		Version: t.Version, HandshakeComplete: true, DidResume: t.Resumed, CipherSuite: t.CipherSuite, NegotiatedProtocol: t.Protocol,
		ServerName: t.ServerName,
	}
	for _, der := range t.Certificates {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			s.PeerCertificates = nil
			return s, err
		}
		s.PeerCertificates = append(s.PeerCertificates, cert)
	}
	return s, nil
}
