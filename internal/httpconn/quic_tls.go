package httpconn

import "crypto/tls"

// QUICTLS returns what QUIC handshakes of the endpoint are made by: TLS, and the configurations that it chooses for a client, with HTTP/3
// as the one protocol, and TLS 1.3, which QUIC is made of (RFC 9001 §4.2).
func (ep *Endpoint) QUICTLS() *tls.Config {
	ep.securingQUIC.Do(func() {
		ep.securedQUIC = forQUIC(ep.TLS)
		choose := ep.TLS.GetConfigForClient
		if choose == nil {
			return
		}
		ep.securedQUIC.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if chosen == nil || err != nil {
				return nil, err
			}
			return forQUIC(chosen), nil
		}
	})
	return ep.securedQUIC
}

func forQUIC(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.NextProtos = []string{protocolHTTP3}
	cfg.MinVersion = tls.VersionTLS13
	cfg.MaxVersion = 0
	return cfg
}
