// Package proxyprotocol reads the PROXY protocol, versions 1 and 2: a header that a load balancer sends in front of a
// connection that it passes on, to say whose it is (HAProxy's send-proxy, nginx's proxy_protocol, AWS's network load
// balancer).
//
//	kestrel.Endpoint{URL: "http://*:80", Middleware: []connection.Middleware{
//		proxyprotocol.New(proxyprotocol.Options{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}),
//	}}
//
// Requests then have the client's address as r.RemoteAddr and in server.ConnectionFeature, and
// server.From[*proxyprotocol.Feature](r.Context()) has the rest. Whoever may send a header chooses the address that requests
// have, so only sources that are named are believed.
//
// The specification is https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt, called PROXY below.
package proxyprotocol
