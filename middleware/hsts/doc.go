// Package hsts tells browsers to come by https only: it sends Strict-Transport-Security (RFC 6797), by the rules of
// ASP.NET Core's middleware of the same name. [New] makes it for http.Handler, [NewApplication] for a server.Application.
//
// The header goes out on https alone. RFC 6797 §7.2: "An HSTS Host MUST NOT include the STS header field in HTTP responses
// conveyed over non-secure transport." Whether a request came by https is forwardedheaders.Scheme's answer, so that it is
// right behind a proxy that ends TLS too; put that middleware in front of this one.
//
// A browser that has seen the header refuses http for the host, and every certificate error, until MaxAge is over. There is
// no way back but [Options].Revoke, by https. That is why localhost is excluded, where many programs share one name.
//
// The field is set before the handler runs, in place of one that a middleware in front has set, so that there is one
// (RFC 6797 §7.1). A handler that wants another one, or none, sets or deletes it, and wins. Only a http.Handler behind
// [NewApplication] cannot delete it: what it sees is its own header map; what it sets there wins.
package hsts
