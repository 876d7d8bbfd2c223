// Package tlsconfig is what a TLS endpoint shows and asks for: certificates from files, by the name that a client wants, watched and read
// again while they are in use; keys of session tickets that several processes share; stapled OCSP responses.
//
// Options says where everything is. Open reads and checks it, or says what is wrong with each file. The Store's Config is for handshakes:
// it chooses among configurations that were made beforehand. Start begins to watch, Close ends it.
//
// See DESIGN.md.
package tlsconfig
