// Package connection is what runs on a connection before HTTP does: logging its bytes, reading a header that a load balancer
// puts in front, counting, encrypting. It is ASP.NET Core's connection middleware.
//
//	kestrel.Endpoint{URL: "http://*:80", Middleware: []connection.Middleware{
//		proxyprotocol.New(proxyprotocol.Options{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}),
//		connlog.New(connlog.Options{}),
//	}}
//
// A middleware may read from the connection, hand on another one around it (Conn.With), tell later requests what it has
// found (Conn.Features), or end the connection by returning.
package connection
