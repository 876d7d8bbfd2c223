package httpconn

// Protocols are the versions of HTTP that an endpoint speaks.
type Protocols uint8

const (
	// HTTP1AndHTTP2 lets the client choose, by ALPN or, without TLS, by the preface of HTTP/2 (prior knowledge).
	HTTP1AndHTTP2 Protocols = iota
	// HTTP1 is HTTP/1.1 and 1.0.
	HTTP1
	// HTTP2 is HTTP/2 alone: by ALPN, or with prior knowledge without TLS.
	HTTP2
)

// What Options.Protocol may say: the names of ALPN (RFC 7301, RFC 9113 §3.1).
const (
	protocolHTTP1 = "http/1.1"
	protocolHTTP2 = "h2"
	protocolHTTP3 = "h3"
)

// names returns what ALPN offers, the best first.
func (p Protocols) names() (out []string) {
	if p != HTTP1 {
		out = append(out, protocolHTTP2)
	}
	if p != HTTP2 {
		out = append(out, protocolHTTP1)
	}
	return out
}
