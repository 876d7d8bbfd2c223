package httpconn

// Protocols are the versions of HTTP that an endpoint speaks.
type Protocols uint8

const (
	// HTTP1AndHTTP2 lets the client choose by ALPN. Without TLS it is HTTP/1.
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
)

// http2Ready says that there is an engine for HTTP/2. Until then no client is offered it.
const http2Ready = false

// http2Offered is http2Ready, except in tests of what is negotiated.
var http2Offered = http2Ready

// HTTP2Ready reports whether connections can be HTTP/2.
func HTTP2Ready() bool { return http2Offered }

// names returns what ALPN offers, the best first.
func (p Protocols) names() (out []string) {
	if p != HTTP1 && http2Offered {
		out = append(out, protocolHTTP2)
	}
	if p != HTTP2 {
		out = append(out, protocolHTTP1)
	}
	return out
}
