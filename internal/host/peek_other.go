//go:build !unix

package host

import (
	"errors"
	"net"
)

// peek is not available on this system, where workers take no connections.
func peek(net.Conn, []byte, func([]byte) bool) error { return errors.ErrUnsupported }
