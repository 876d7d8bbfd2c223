package inprocess

import (
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/server"
)

// multiplex decides about a connection that begins as HTTP/2 does. It is served when every request that can come on it is this
// application's: one of another could not be given back, since others are in work beside it.
func (s *Server) multiplex(any) httpconn.Multiplexing {
	if s.routes.Load().everything {
		return httpconn.ServeHTTP2
	}
	return httpconn.RefuseHTTP2
}

// own acts by other routes from now on. Clients of HTTP/2 connections, which must not get requests of others, make new ones.
func (s *Server) own(routes *ownership) {
	if was := s.routes.Swap(routes); was.everything && !routes.everything { // else there are none, but those with TLS, which are told by themselves
		s.manager.DrainHTTP2()
	}
}

// owned is the application on connections whose requests are not claimed one by one.
type owned struct {
	app server.Application
	s   *Server
}

// Error codes of HTTP/2 (RFC 9113 §7).
const (
	refusedStream  = 0x7 // "The endpoint refused the stream prior to performing any application processing"
	http11Required = 0xd // "The endpoint requires that HTTP/1.1 be used instead of HTTP/2."
)

// Process implements server.Application. A request on an HTTP/2 connection that has become another application's by a reload is
// refused: the connection is on its way out, and over HTTP/1.1 every request reaches whose it is.
func (o owned) Process(f *server.Features) error {
	if v, ok := server.Get[*visit](f); ok {
		v.used()
		return v.process(o, f)
	}
	if routes := o.s.routes.Load(); !routes.everything {
		stream, multiplexed := server.Get[httpconn.StreamFeature](f)
		q, _ := server.Get[server.RequestFeature](f)
		reset, ok := server.Get[server.ResetFeature](f)
		if multiplexed && ok && !routes.owns(q) {
			stream.DrainConnection()
			return reset.Reset(http11Required)
		}
	}
	return o.app.Process(f)
}
