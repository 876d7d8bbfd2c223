package kestrel

import (
	"fmt"

	"github.com/lannerhq/lanner/internal/httpconn"
)

// Protocols are the versions of HTTP that an endpoint speaks (Kestrel's HttpProtocols).
type Protocols uint8

const (
	// HTTP1AndHTTP2 lets the client choose: by ALPN in the TLS handshake, or, without TLS, by the preface with which HTTP/2 begins.
	HTTP1AndHTTP2 Protocols = iota
	// HTTP1 is HTTP/1.1 and 1.0.
	HTTP1
	// HTTP2 is HTTP/2 alone. With TLS, clients that do not choose it by ALPN are closed; without, they must know beforehand.
	HTTP2
	// HTTP1AndHTTP2AndHTTP3 is HTTP1AndHTTP2 and, on the UDP port of the same number, HTTP/3. Like HTTP3Only it needs Options.HTTP3 and TLS.
	HTTP1AndHTTP2AndHTTP3
	// HTTP3Only is HTTP/3 alone: there is no TCP port.
	HTTP3Only
)

var protocolNames = []string{"Http1AndHttp2", "Http1", "Http2", "Http1AndHttp2AndHttp3", "Http3"}

// String returns the name that UnmarshalText takes, which is Kestrel's.
func (p Protocols) String() string { return name(protocolNames, p) }

// MarshalText and UnmarshalText make Protocols readable in configuration files.
func (p Protocols) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText takes "Http1AndHttp2", "Http1", "Http2", "Http1AndHttp2AndHttp3" or "Http3".
func (p *Protocols) UnmarshalText(text []byte) error { return unmarshal(protocolNames, p, text) }

func (p Protocols) validate() error {
	if p > HTTP3Only {
		return fmt.Errorf("Protocols is %v: it must be one of %q", p, protocolNames)
	}
	return nil
}

func (p Protocols) httpconn() httpconn.Protocols {
	switch p {
	case HTTP1:
		return httpconn.HTTP1
	case HTTP2:
		return httpconn.HTTP2
	}
	return httpconn.HTTP1AndHTTP2
}

// alpn are the names that ALPN offers, the best first (RFC 7301, RFC 9113 §3.1).
func (p Protocols) alpn() []string {
	switch p {
	case HTTP1:
		return []string{"http/1.1"}
	case HTTP2:
		return []string{"h2"}
	}
	return []string{"h2", "http/1.1"}
}
