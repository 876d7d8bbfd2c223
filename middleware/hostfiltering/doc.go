// Package hostfiltering refuses requests for host names that this site does not serve.
//
// The Host field is chosen by the client. An application that builds links, password reset mails or redirects from it,
// or that a browser can reach under a name of an attacker's choice (DNS rebinding), should only ever see the names it
// knows. [New] makes the filter for http.Handler, [NewApplication] for a server.Application; both answer a request for
// any other name with 400.
//
// The filter looks at the host the request arrived with. Put it behind forwardedheaders when the real name comes in
// X-Forwarded-Host, else in front.
package hostfiltering
