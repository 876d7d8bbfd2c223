// Package http2 is Lanner's HTTP/2 engine (RFC 9113): bytes in, requests out, answers in, bytes out. It knows no sockets.
//
// Conn is a connection, Stream one exchange on it. DESIGN.md has the roles of the goroutines, the states of a stream, and what
// fails how.
package http2
