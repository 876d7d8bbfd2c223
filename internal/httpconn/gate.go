package httpconn

import (
	"net"
	"runtime"
	"sync/atomic"
)

// handshakeGate bounds how many handshakes compute at a time; others wait in turn. One that waits for its client has left it, so that silent
// clients hold nobody up. Without it a thousand clients that come at once would have a thousand goroutines compete for the processors
// with the connections that are served.
type handshakeGate chan struct{}

// newHandshakeGate returns a gate for n handshakes, or for half the processors when n is 0.
func newHandshakeGate(n int) handshakeGate {
	if n == 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return make(handshakeGate, n)
}

func (g handshakeGate) enter() { g <- struct{}{} }
func (g handshakeGate) leave() { <-g }

// during calls shake inside the gate. A function of the application may panic in it.
func (g handshakeGate) during(shake func() error) error {
	g.enter()
	defer g.leave()
	return shake()
}

// outside calls f outside the gate: it may wait.
func (g handshakeGate) outside(f func() error) error {
	g.leave()
	defer g.enter()
	return f()
}

// gatedConn is a connection whose reads are outside the gate until it is opened. Until then what is read is heard.
type gatedConn struct {
	net.Conn
	gate   handshakeGate
	heard  func([]byte) error // nil for nobody; inside the gate
	opened atomic.Bool
}

func (c *gatedConn) Read(p []byte) (n int, err error) {
	if c.opened.Load() {
		return c.Conn.Read(p)
	}
	err = c.gate.outside(func() error {
		n, err = c.Conn.Read(p)
		return err
	})
	if c.heard != nil {
		if err := c.heard(p[:n]); err != nil {
			return 0, err
		}
	}
	return n, err
}

// NetConn is what is below, as of a tls.Conn.
func (c *gatedConn) NetConn() net.Conn { return c.Conn }
