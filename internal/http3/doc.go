// Package http3 is the HTTP/3 engine: connections and their requests over a QUIC that its owner brings. See DESIGN.md.
//
// It is not for applications: those serve by package kestrel, with package http3 at the root of the module.
package http3
