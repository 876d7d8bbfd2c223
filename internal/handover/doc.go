// Package handover is the protocol between the host and a worker that runs an
// application in-process: messages over one unix socket, and with them the
// sockets themselves, so that no request crosses a second hop.
//
// Both sides use this package. The host makes the two ends with [Socketpair],
// gives one of them to the worker process it starts, and talks through the
// other. The worker finds its end with [FromEnvironment]. Each then calls
// [Channel.Send] from any goroutine and [Channel.Receive] from one.
//
// A [StatusTable] is memory that both share. In it the worker notes, with one
// store and no message, what each of its connections is doing, so that the host
// can still decide about the connections after the worker has died.
//
// The package knows no HTTP and starts no process. DESIGN.md has the frame
// layout, the message table, the states of a connection on both sides and what
// happens when either side fails.
package handover
