// Package compat proves that what Go programs are made of works unchanged on Lanner: routers, middleware, WebSocket
// libraries, instrumentation, and the handlers of the standard library. Every test runs on a real kestrel server and a
// real client over loopback sockets, once on each of the server's transports.
//
// It is a module of its own, so that what it tests never becomes a dependency of Lanner. scripts/test runs it. What it
// covers is listed in docs/reference/routers-and-middleware.md.
package compat
