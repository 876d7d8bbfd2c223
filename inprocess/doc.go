// Package inprocess is the server inside a worker of the host (the counterpart of IIS HTTP Server): the application's own
// program takes client connections from the host over a control channel and serves them itself, so that no request
// crosses a second hop.
//
// lanner.Run chooses it when the host started the program; nobody else needs to. See DESIGN.md.
package inprocess
