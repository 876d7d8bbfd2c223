//go:build !unix

package handover

import "net"

var errGivenUp = errPlatform

func closeDescriptor(int) error { return errPlatform }

// Detach is not available on this system.
func Detach(net.Conn) (*Descriptor, error) { return nil, errPlatform }

// Conn is not available on this system.
func (d *Descriptor) Conn() (net.Conn, error) { return nil, errPlatform }

// Listener is not available on this system.
func (d *Descriptor) Listener() (net.Listener, error) { return nil, errPlatform }
