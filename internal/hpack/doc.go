// Package hpack is HPACK, the header compression of HTTP/2 (RFC 7541), for Lanner's own HTTP/2 engine.
//
// It is made for a server: a [Decoder] gives the fields of a request without allocating, once the connection's table is
// warm, and an [Encoder] knows which response fields repeat. golang.org/x/net/http2/hpack is the reference that fuzz tests
// hold both directions equal to; it is not linked.
//
// Follow one block in: decoder.go (Decode), literal.go (strings, integers), huffman.go, table.go (the dynamic table). Out:
// encoder.go (Append), known.go (which names, and how they are recognized), recent.go (what the peer's table still holds).
// DESIGN.md has the choices.
package hpack
