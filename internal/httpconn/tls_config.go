package httpconn

import (
	"crypto/tls"
	"slices"
	"strings"
)

// tlsConfig returns what handshakes of the endpoint are made by: TLS, and the configurations that it chooses for a client, with the
// endpoint's protocols, no version below TLS 1.2, and the suites of HTTP/2 unless it names others. One that is so already is used as it is. The
// functions that choose are called outside the gate: they may wait, even for another handshake, such as one by which an authority validates
// the name (RFC 8737).
func (ep *Endpoint) tlsConfig(gate *handshakeGate) *tls.Config {
	ep.securing.Do(func() {
		ep.secured = ep.offering(ep.TLS, gate)
		choose := ep.TLS.GetConfigForClient
		if choose == nil {
			return
		}
		ep.secured.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			gate.leave()
			defer gate.enter()
			chosen, err := choose(hello)
			if chosen == nil || err != nil {
				return nil, err
			}
			if ep.offers(chosen) {
				return chosen, nil
			}
			return ep.offering(chosen, gate), nil
		}
	})
	return ep.secured
}

// offers reports whether offering would change nothing.
func (ep *Endpoint) offers(cfg *tls.Config) bool {
	return cfg.GetCertificate == nil && cfg.MinVersion >= tls.VersionTLS12 && cfg.CipherSuites != nil && len(cfg.NextProtos) > 0 && !slices.ContainsFunc(cfg.NextProtos, ep.unspoken)
}

// unspoken reports whether a name of ALPN is of a version of HTTP that the endpoint does not speak.
func (ep *Endpoint) unspoken(name string) bool {
	switch name {
	case protocolHTTP2:
		return ep.Protocols == HTTP1
	case protocolHTTP1:
		return ep.Protocols == HTTP2
	}
	return strings.HasPrefix(name, "http/")
}

// offering returns a clone of cfg that offers what the endpoint speaks. A list of cfg's own stays, without what the endpoint does not speak:
// configurations are shared with servers that do.
func (ep *Endpoint) offering(cfg *tls.Config, gate *handshakeGate) *tls.Config {
	cfg = cfg.Clone()
	if choose := cfg.GetCertificate; choose != nil {
		cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			gate.leave()
			defer gate.enter()
			return choose(hello)
		}
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	if cfg.CipherSuites == nil {
		cfg.CipherSuites = slices.Clone(suites)
	}
	own := slices.DeleteFunc(slices.Clone(cfg.NextProtos), ep.unspoken)
	if len(own) == 0 {
		own = ep.Protocols.names()
	}
	cfg.NextProtos = own
	return cfg
}

// suites are those of TLS 1.2 with ephemeral keys and an AEAD. Those of package tls are named here, so that one that comes later is refused
// rather than let in.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// adequate reports whether HTTP/2 may be spoken over TLS of this version and suite. "A deployment of HTTP/2 over TLS 1.2 SHOULD NOT
// use any of the prohibited cipher suites listed in Appendix A" (RFC 9113 §9.2.2): all but suites.
func adequate(version, suite uint16) bool {
	return version >= tls.VersionTLS13 || version == tls.VersionTLS12 && slices.Contains(suites, suite)
}
