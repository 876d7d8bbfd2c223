//go:build !unix

package forwarder

import "syscall"

// useRaw does nothing: sockets are read and written through net.Conn. A kept connection that the worker has closed shows
// when the request fails on it; the rules of retrying then decide.
func (c *conn) useRaw() {}

// The numbers of Windows Sockets, which package syscall does not give its portable names.
const (
	wsaConnAborted = syscall.Errno(10053)
	wsaConnReset   = syscall.Errno(10054)
	wsaConnRefused = syscall.Errno(10061)
)

// isReset reports the ways in which an operating system tells that the peer closed or reset a connection.
func isReset(errno syscall.Errno) bool { return errno == wsaConnReset || errno == wsaConnAborted }

// isRefused reports that nobody listens on the port.
func isRefused(errno syscall.Errno) bool { return errno == wsaConnRefused }
