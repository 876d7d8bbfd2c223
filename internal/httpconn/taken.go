package httpconn

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// Taken is a connection that an application took over. It is still counted, and closed when the server's shutdown time
// is over. It passes on what *net.TCPConn can do, so that io.Copy uses splice(2).
type Taken struct {
	net.Conn
	m        *Manager
	endpoint *Endpoint
	once     sync.Once

	chain *chain        // as conn.chain
	done  chan struct{} // closed by Close, for the chain; nil without one

	life *life // the connection's, if it has one

	first []byte // read before the connection itself
	mu    sync.Mutex
	more  atomic.Bool // first is not empty
}

func (c *conn) Upgradable() bool { return c.http.Upgradable() }

// Hijack implements server.UpgradeFeature. Of a response that has started, all that was written is sent first.
func (c *conn) Hijack() (net.Conn, []byte, error) {
	if c.http.Response().Started() {
		if err := c.http.Response().Flush(); err != nil {
			return nil, nil, err
		}
	}
	if !c.m.reserve() {
		return nil, nil, errUpgradedLimit
	}
	buffered, err := c.http.Take()
	if err != nil {
		c.m.upgraded.Add(-1)
		return nil, nil, err
	}
	c.setState(Upgraded)
	c.disown()
	nc, first := c.transport.Detach()
	return c.m.take(c, nc), slices.Concat(buffered, first), nil
}

// Upgrade implements server.UpgradeFeature.
func (c *conn) Upgrade() (net.Conn, error) {
	if c.http.Response().Started() {
		return nil, server.ErrTooLate
	}
	if !c.Upgradable() {
		return nil, server.ErrNotSupported
	}
	head, err := c.upgradeHead()
	if err != nil {
		return nil, err
	}
	nc, buffered, err := c.Hijack()
	if err != nil {
		return nil, err
	}
	if _, err := nc.Write(head); err != nil {
		nc.Close()
		return nil, err
	}
	t := nc.(*Taken)
	t.first = buffered
	t.more.Store(len(buffered) > 0)
	return t, nil
}

// upgradeHead renders the 101, as a response like others: what waits for its start runs, and it has a date.
func (c *conn) upgradeHead() ([]byte, error) {
	res := c.http.Response()
	if err := res.Starting(); err != nil {
		return nil, err
	}
	h := res.Header()
	if _, set := h.Lookup("Date"); !set {
		h.Add("Date", string(httpcommon.AppendDate(nil, time.Now())))
	}
	return httpcommon.AppendUpgrade(nil, h), nil
}

// reserve takes a place among the upgraded connections, if there is one.
func (m *Manager) reserve() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if over(m.upgraded.Load(), m.settings.Load().maxUpgraded) {
		return false
	}
	m.upgraded.Add(1)
	return true
}

// take registers a connection that left the engine, in its reserved place. After an abort it is closed at once.
func (m *Manager) take(c *conn, nc net.Conn) *Taken {
	t := &Taken{Conn: nc, m: m, endpoint: c.endpoint, chain: c.chain}
	m.mu.Lock()
	if c.chain != nil {
		t.done = make(chan struct{})
		c.chain.taken = t
		c.chain.users.Add(1)
	}
	c.uncounted = true
	m.open.Add(-1)
	m.signalLocked()
	m.taken[t] = struct{}{}
	t.endpoint.taken++
	m.mu.Unlock()
	t.lifeBegins(c)
	if c.aborted() {
		t.Close()
	}
	return t
}

// Read reads first what the client sent right behind its request.
func (t *Taken) Read(p []byte) (int, error) {
	if t.more.Load() {
		t.mu.Lock()
		n := copy(p, t.first)
		t.first = t.first[n:]
		t.more.Store(len(t.first) > 0)
		t.mu.Unlock()
		if n > 0 {
			return n, nil
		}
	}
	return t.Conn.Read(p)
}

// WriteTo copies the rest of the connection to w.
func (t *Taken) WriteTo(w io.Writer) (int64, error) {
	t.mu.Lock()
	first := t.first
	t.first = nil
	t.more.Store(false)
	t.mu.Unlock()
	var n int64
	if len(first) > 0 {
		k, err := w.Write(first)
		n = int64(k)
		if err != nil {
			return n, err
		}
	}
	k, err := io.Copy(w, t.Conn)
	return n + k, err
}

// ReadFrom copies from r to the connection.
func (t *Taken) ReadFrom(r io.Reader) (int64, error) { return io.Copy(t.Conn, r) }

// CloseWrite ends the sending side.
func (t *Taken) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return server.ErrNotSupported
}

// NetConn is the connection below.
func (t *Taken) NetConn() net.Conn { return t.Conn }

// SyscallConn gives access to the descriptor, where there is one.
func (t *Taken) SyscallConn() (syscall.RawConn, error) {
	if raw, ok := t.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return nil, server.ErrNotSupported
}

// Close closes the connection and takes it out of the count.
func (t *Taken) Close() error {
	t.once.Do(func() {
		t.lifeEnds()
		t.m.mu.Lock()
		t.m.upgraded.Add(-1)
		delete(t.m.taken, t)
		t.endpoint.taken--
		t.m.signalLocked()
		if t.done != nil {
			close(t.done)
		}
		t.m.mu.Unlock()
		t.chain.left()
	})
	return t.Conn.Close()
}

// LocalAddr and RemoteAddr are what the request's server.ConnectionFeature said.
func (t *Taken) LocalAddr() net.Addr {
	if as := t.chain.replaced(); as != nil {
		return as.LocalAddr()
	}
	return t.Conn.LocalAddr()
}

func (t *Taken) RemoteAddr() net.Addr {
	if as := t.chain.replaced(); as != nil {
		return as.RemoteAddr()
	}
	return t.Conn.RemoteAddr()
}

var errUpgradedLimit = errors.New("httpconn: the limit of upgraded connections (MaxConcurrentUpgradedConnections) is reached")
