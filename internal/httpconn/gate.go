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

// OutsideHandshake calls wait, which a handshake of the manager's has come to, so that others compute meanwhile: a key that is elsewhere signs
// in it. It is for goroutines that make a handshake alone, such as those that call a crypto.Signer.
func (m *Manager) OutsideHandshake(wait func()) {
	m.handshakes.leave()
	defer m.handshakes.enter()
	wait()
}

// during calls shake inside the gate. A function of the application may panic in it.
func (g handshakeGate) during(shake func() error) error {
	g.enter()
	defer g.leave()
	return shake()
}

// gatedConn is a connection whose reads are outside the gate until it is opened.
type gatedConn struct {
	net.Conn
	gate   handshakeGate
	opened atomic.Bool
}

func (c *gatedConn) Read(p []byte) (int, error) {
	if c.opened.Load() {
		return c.Conn.Read(p)
	}
	c.gate.leave()
	defer c.gate.enter()
	return c.Conn.Read(p)
}

// NetConn is what is below, as of a tls.Conn.
func (c *gatedConn) NetConn() net.Conn { return c.Conn }
