// Package iisintegration is the application's side of the ASP.NET Core Module's protocol: it makes a Go program at home
// behind IIS, and behind any host that speaks the same protocol, when it runs as its own process.
//
// The module starts the program with a port, a pairing token and a virtual path in its environment, and forwards requests
// to 127.0.0.1:port. [FromEnvironment] reads them. [Integration.Middleware] and [Integration.Application] then do for each
// request what Microsoft.AspNetCore.Server.IISIntegration does, in this order:
//
//  1. A request without exactly the token is answered 400: it did not come through the module.
//  2. The virtual path is moved from the path to the path base.
//  3. POST /iisintegration with MS-ASPNETCORE-EVENT: shutdown is answered 202 and begins the shutdown.
//  4. The body limit is lifted: IIS has one (30,000,000 bytes unless configured).
//  5. The client's certificate is made available, a Windows token handle closed.
//  6. Upgrades are switched off when IIS has no WebSocket support.
//  7. All MS-ASPNETCORE headers are removed.
//  8. X-Forwarded-For and X-Forwarded-Proto are applied, one hop, from loopback.
//
// HttpPlatformHandler, the module's ancestor, gives only a port. There is no token then: steps 1, 3, 4 and 5 are left out,
// since any local process may be the one that asks.
package iisintegration
