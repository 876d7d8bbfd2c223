// Package http3 lets kestrel speak HTTP/3 (RFC 9114), over QUIC as quic-go has it:
//
//	web := kestrel.New(kestrel.Options{
//		HTTP3: http3.New(http3.Options{}),
//		Endpoints: []kestrel.Endpoint{{
//			URL:         "https://*:443",
//			Protocols:   kestrel.HTTP1AndHTTP2AndHTTP3,
//			Certificate: kestrel.Certificate{Path: "cert.pem", KeyPath: "key.pem"},
//		}},
//	})
//
// QUIC (RFC 9000), its loss recovery and its TLS, are github.com/quic-go/quic-go. The requests are Lanner's own: limits, features, access log,
// metrics, drain and handlers are those of HTTP/1.1 and HTTP/2. A program that does not import this package does not link quic-go.
package http3
