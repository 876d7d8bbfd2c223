// Package connlog logs the bytes of connections, for finding out what really was sent (Kestrel's UseConnectionLogging).
//
//	kestrel.Endpoint{URL: "http://*:80", Middleware: []connection.Middleware{connlog.New(connlog.Options{})}}
//
// It logs what passes its place in the chain: before a middleware that reads a PROXY protocol header, with the header;
// after it, without.
//
// The log then has everything that clients and the application send, passwords and cookies too. It is for finding a fault
// and costs much; while the logger does not take Debug it costs nothing.
package connlog
