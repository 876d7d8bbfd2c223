package httpconn

import (
	"net"
	"sync"
	"sync/atomic"
)

// handshakeGate bounds how many handshakes compute at a time; others wait in turn. One that waits for its client has left it, so that silent
// clients hold nobody up. Without it a thousand clients that come at once would have a thousand goroutines compete for the processors
// with the connections that are served.
//
//	narrow: half the processors ──few requests for each handshake──▶ wide: all of them
//	                            ◀──many requests for each──────────
//
// Where most of the work is handshakes, there is nobody to be spared, and half the processors would have half the throughput; and with a
// narrow gate threads are woken for each place that becomes free, which made a resumed handshake cost a tenth more.
type handshakeGate struct {
	slots    chan struct{} // has an element for each handshake inside, and for each place that is kept
	requests func() int64  // how many the server has had
	spare    int           // places that a narrow gate keeps; 0 for a gate that is always the same
	begun    atomic.Int64  // handshakes
	owed     atomic.Int32  // places that are to be kept, by those who leave next; changed with mu held

	mu     sync.Mutex
	kept   int
	before int64 // requests at the last look
}

const (
	handshakesALook  = 64
	manyForHandshake = 4 // a page and what it needs take a connection more; a health check, or a client that makes one for each request, less
)

// newHandshakeGate returns a gate for n handshakes, or for what processors there are when n is 0.
func newHandshakeGate(n, processors int, requests func() int64) *handshakeGate {
	if n > 0 {
		return &handshakeGate{slots: make(chan struct{}, n)}
	}
	g := &handshakeGate{slots: make(chan struct{}, processors), requests: requests, spare: processors - max(1, processors/2)}
	for range g.spare {
		g.slots <- struct{}{}
	}
	g.kept = g.spare
	return g
}

func (g *handshakeGate) enter() { g.slots <- struct{}{} }

func (g *handshakeGate) leave() {
	if g.owed.Load() == 0 || !g.pay() {
		<-g.slots
	}
}

// pay keeps the place of one who leaves. It reports false when no more is to be kept.
func (g *handshakeGate) pay() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.owed.Load() == 0 {
		return false
	}
	g.owed.Add(-1)
	g.kept++
	return true
}

// look makes the gate wide or narrow, once in a while.
func (g *handshakeGate) look() {
	if g.spare == 0 || g.begun.Add(1)%handshakesALook != 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.requests()
	narrow := now-g.before > manyForHandshake*handshakesALook
	g.before = now
	if narrow {
		g.owed.Store(int32(g.spare - g.kept))
		return
	}
	g.owed.Store(0)
	for ; g.kept > 0; g.kept-- {
		<-g.slots
	}
}

// during calls shake inside the gate. A function of the application may panic in it.
func (g *handshakeGate) during(shake func() error) error {
	g.look()
	g.enter()
	defer g.leave()
	return shake()
}

// outside calls f outside the gate: it may wait.
func (g *handshakeGate) outside(f func() error) error {
	g.leave()
	defer g.enter()
	return f()
}

// OutsideHandshake calls wait, which a handshake of the manager's has come to, so that others compute meanwhile: a key that is elsewhere signs
// in it. It is for goroutines that make a handshake alone, such as those that call a crypto.Signer.
func (m *Manager) OutsideHandshake(wait func()) {
	m.handshakes.outside(func() error {
		wait()
		return nil
	})
}

// gatedConn is a connection whose reads are outside the gate until it is opened. Until then what is read is heard.
type gatedConn struct {
	net.Conn
	gate   *handshakeGate
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
