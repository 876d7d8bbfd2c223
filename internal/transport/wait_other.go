//go:build !unix

package transport

import (
	"net"
	"syscall"
)

// markedRead reads at least one byte. Here the mark is set before the wait: nobody can take a connection over anyway.
func markedRead(c syscall.Conn, p []byte, mark func(bool)) (int, error) {
	mark(true)
	return c.(net.Conn).Read(p)
}
