// Package http1 is Lanner's HTTP/1.0 and HTTP/1.1 engine (RFC 9110, RFC 9112).
//
// It is fed with bytes and asks for nothing but a [Stream]; it knows no sockets, no timers and no handlers of net/http.
// A transport reads into [Conn.Input], calls [Conn.Received] and then [Conn.Process], which runs every request that is
// complete and says what to do next. The same engine runs on a goroutine per connection and on a shard of an event loop.
//
// Follow one request: conn.go (Process, serve), head.go (the parser), target.go, request.go (which fields the engine obeys
// and how long the body is), body.go and chunk.go (its content), response.go and render.go (the answer). DESIGN.md has
// the states and the failure matrix.
package http1
