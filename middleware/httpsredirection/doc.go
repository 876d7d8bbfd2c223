// Package httpsredirection sends clients that came by http to the same URL by https, by the rules of ASP.NET Core's
// middleware of the same name. [New] makes it for http.Handler, [NewApplication] for a server.Application.
//
// The redirect is 307 unless [Options] says 301 or 308. All methods are redirected; with 307 and 308 the client repeats
// the method and the body. Host, path and query stay as they were sent; what differs is the scheme, and the port.
//
// # The port
//
// The first of these that says one:
//
//  1. Options.HTTPSPort
//  2. the environment: LANNER_HTTPS_PORT, ASPNETCORE_HTTPS_PORT, HTTPS_PORT
//  3. ASPNETCORE_ANCM_HTTPS_PORT, by which lanner host and IIS tell a worker the one https port of its site
//  4. the https addresses of the server (server.ServerAddressesFeature), when they have one port; they are looked at for
//     each request, as endpoints may change while a server serves
//
// When none does, or there are several ports, requests pass by http and one warning is logged, as in ASP.NET.
//
// # What is not redirected
//
// Requests by https: forwardedheaders.Scheme decides, so put that middleware in front behind a proxy that ends TLS, or the
// redirect never ends. Paths in Options.ExcludedPaths. A request whose Host is missing or malformed is answered 400: there
// is nowhere to send it, and to let it pass would be a way around.
//
// A redirect repeats the host that the client sent. Put hostfiltering in front when a cache stands between.
package httpsredirection
