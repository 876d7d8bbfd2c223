//go:build !unix

package handover

import (
	"net"
	"os"
)

// Socketpair is not available on this system.
func Socketpair() (*Channel, *os.File, error) { return nil, nil, errPlatform }

// Pair is not available on this system.
func Pair() (net.Conn, *Descriptor, error) { return nil, nil, errPlatform }
