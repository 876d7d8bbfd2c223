//go:build !linux

package transport

import (
	"errors"
	"net"
	"time"
)

// Loop is the event-loop transport, which only Linux has.
type Loop struct{}

// NewLoop returns errors.ErrUnsupported here.
func NewLoop(int, *Heartbeat, Reasons) (*Loop, error) { return nil, errors.ErrUnsupported }

func (*Loop) Stop() {}

// Suits reports whether a socket can be on a loop: here none can.
func Suits(any) bool { return false }

func (*Loop) Listen(net.Listener, bool, func(Inline) Events, func(error, time.Duration)) (func(), error) {
	return nil, errors.ErrUnsupported
}

func (*Loop) Adopt(net.Conn, func(Inline) Events) error { return errors.ErrUnsupported }
