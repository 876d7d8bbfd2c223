// Package server is the contract between any server and any application.
//
// A [Server] accepts connections and calls an [Application] once per request with that request's [Features]. The
// features are a typed collection: an application asks for what it needs with [Get], a server or a middleware provides
// with [Set]. Only [RequestFeature] and [ResponseFeature] must be there; everything else is optional, so that a server
// can be written in a hundred lines (see examples/customserver) and held to the contract with servertest.Run.
//
// Most applications never see any of this: they are an ordinary http.Handler, and [HTTP] carries it. From inside such a
// handler a feature is reached by From[T](r.Context()). Handlers that must not allocate work on a [Context] instead,
// and [ContextMux] routes to them.
package server
