// Package servertest holds a server to the contract of package server.
//
// A server proves itself with one test:
//
//	func TestServerKeepsTheContract(t *testing.T) {
//		servertest.Run(t, func() server.Server { return myserver.New() })
//	}
//
// The checks run over real sockets on loopback. Where bytes matter the client is raw TCP. What the contract leaves
// optional is checked only when the server has the feature, and skipped with a word otherwise. Nothing waits by
// sleeping: every wait ends with an event, or fails after patience has run out.
package servertest
