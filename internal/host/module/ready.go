package module

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/lannerhq/lanner/internal/host/process"
)

// loopback is where children listen. The protocol knows IPv4 only.
const loopback = "127.0.0.1"

// Polling begins fast, since most programs listen within milliseconds, and ends
// at the original's 250 ms.
const (
	minPoll = 5 * time.Millisecond
	maxPoll = 250 * time.Millisecond
)

// foreignSightings is how often in a row the port must be seen with somebody
// else: a process that is just being forked may hold it before it shows in the
// tree.
const foreignSightings = 2

// sight is what a look at the port has shown.
type sight struct {
	pid     int  // member of the tree that listens; 0 if none
	foreign bool // somebody else would get the connections
	owner   int  // of a foreign listener; 0 if it cannot be seen
}

// WaitReady waits until a process of p's tree listens on the port in such a way
// that connections to 127.0.0.1 reach it, and returns that process's id. It ends
// with a *StartError when the program ends, when somebody else owns the port, or
// when ctx ends; then the error lists where the tree listens.
//
// On systems other than Linux the owner is not checked: whoever accepts a
// connection is taken for the child, and the id is that of p.
func WaitReady(ctx context.Context, p *process.Process, port int) (int, error) {
	pause, foreign := minPoll, 0
	for {
		s := look(ctx, p, port)
		switch {
		case s.pid != 0:
			return s.pid, nil
		case s.foreign:
			foreign++
		default:
			foreign = 0
		}
		if foreign >= foreignSightings {
			return 0, &StartError{Reason: ReasonForeign, Port: port, Owner: s.owner}
		}
		select {
		case <-p.Done():
			return 0, exited(p, port)
		case <-ctx.Done():
			return 0, notInTime(ctx, p, port)
		case <-time.After(pause):
			pause = min(2*pause, maxPoll)
		}
	}
}

func exited(p *process.Process, port int) *StartError {
	return &StartError{Reason: ReasonExited, Port: port, Exit: p.Exit()}
}

// notInTime tells a time limit from a caller that gave up.
func notInTime(ctx context.Context, p *process.Process, port int) *StartError {
	e := &StartError{Reason: ReasonTimeout, Port: port, Listening: listening(p)}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Reason, e.Err = ReasonCanceled, context.Cause(ctx)
	}
	return e
}

// dials reports whether somebody accepts connections to the port.
func dials(ctx context.Context, port int) bool {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "tcp4", addr(port))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func addr(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
