// Package app is the application that conformance, load and end-to-end tests aim at, written twice: as an ordinary
// http.Handler and on server.Context. Both answer byte for byte the same on the same server.
//
//	GET  /, /plaintext      Hello, World!
//	GET  /json              {"message":"Hello, World!"}
//	POST /echo              the body, streamed back with its content type
//	POST /discard           how many bytes the body had
//	GET  /bytes?n=N         N bytes, with Content-Length
//	GET  /slow?ms=N         after N milliseconds, or at once when the request is given up
//	GET  /stream?n=N&ms=M   N flushed chunks, M milliseconds apart
//	GET  /trailers          a body with two trailer fields
//	GET  /headers           what the application sees, as JSON
//	GET  /panic             a panic
//	GET  /file?name=F       a file of a folder that the application makes: hello.txt, page.html, 1k.bin, 64k.bin, 1m.bin
//	POST /test.Echo/Unary   a unary gRPC call that is answered with its own message, of at most 4 MiB
//	GET  /ws                a WebSocket echo
//
// GET paths answer HEAD too. A number that is left out is 0. /echo and /discard take max=N, which replaces the server's
// limit of the request body's size: -1 for none.
package app
