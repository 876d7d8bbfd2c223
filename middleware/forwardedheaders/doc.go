// Package forwardedheaders tells an application behind a reverse proxy who really asked, and how: it applies
// X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Prefix from proxies that are known, by the rules
// of ASP.NET Core's middleware of the same name (including the fixes of 8.0.17 and 9.0.6, and the refusal of peers
// without an IP address).
//
// Anybody can send these headers, so nothing is believed unless the peer that sent the request is a known proxy: one on
// the loopback addresses by default, one from [Options].KnownProxies or KnownNetworks, one that shows a shared secret, or
// one on a unix socket when TrustUnixPeers says so. Headers of an unknown peer are ignored, and that is logged.
//
// What the handler behind sees:
//
//   - r.RemoteAddr is the client, "ip:port"; the port is 0 when the proxy did not say.
//   - r.Host is the host that the client asked for.
//   - [Scheme] gives the scheme. r.TLS is not nil exactly when the scheme is https: a state that says only
//     HandshakeComplete stands in when the proxy ended TLS, and the state of a connection between the proxy and this
//     server is taken away when the client itself came by http. r.URL.Scheme stays empty, as net/http has it.
//   - [PathBase] gives the path base; X-Forwarded-Prefix replaces it. r.URL.Path is left as it is.
//   - What was applied is gone from the X-Forwarded headers, and the values before are in X-Original-For, -Proto, -Host
//     and -Prefix.
//
// On a server of this module the same is true of its features: RequestFeature and ConnectionFeature answer with the new
// values, TLSHandshakeFeature goes on to describe the connection.
package forwardedheaders
