package httpconn

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/server"
)

// chain is a connection of an endpoint with middleware, or with TLS: what it is from the accept until the middleware has returned. In the
// midst of it lies, if the middleware calls next, a conn, which serves what the middleware passed on.
//
//	admitted ──▶ middleware ──next──▶ TLS ──▶ conn, then what took it over ──▶ middleware ──▶ closed
//	             holds a place in     has the place; registered         not counted,
//	             the count            by itself                         waited for
//
// It has a goroutine, which runs the middleware and waits in the midst of it. Without middleware it has none on the event loop: there
// the last of its users, the handshake, the conn and what took that over, ends it (see tlsloop.go).
type chain struct {
	m        *Manager
	endpoint *Endpoint
	opts     *Options // nil when its conn has them
	tag      any
	shared   bool
	raw      socket // as it was accepted; the chain's until its end
	features server.Features
	ctx      context.Context         // nil on the loop
	cancel   context.CancelCauseFunc // the same
	users    atomic.Int32            // on the loop
	id       uint64
	next     atomic.Bool              // next was called
	began    time.Time                // when it was admitted, for metrics; zero without them
	reason   string                   // why its conn ended, or its handshake failed
	secured  *secured                 // what its handshake came to; nil without one
	hello    *helloHeard              // see hearing; nil for nothing
	failed   error                    // of its handshake: that has been logged
	as       server.ConnectionFeature // what the middleware put in place of the chain's; nil for nothing. Set by next

	// Guarded by the manager's mu.
	shaking bool   // it makes its handshake
	counted bool   // it holds a place in the count itself
	conn    *conn  // it has taken that place
	taken   *Taken // and this the conn's
}

// replaced is the server.ConnectionFeature that the middleware set, or nil.
func (ch *chain) replaced() server.ConnectionFeature {
	if ch == nil {
		return nil
	}
	return ch.as
}

var (
	errNextTwice = errors.New("next was called twice for one connection: a middleware may call it once")
	errNextLate  = errors.New("next was called after the middleware had returned, which closed the connection")
	errStranger  = errors.New("next was given a connection that is not this one: pass on the Conn that the middleware was given, or its With")
)

// middleware returns the endpoint's middleware around HTTP. The first is the outermost.
func (m *Manager) middleware(ep *Endpoint) connection.Handler {
	ep.chained.Do(func() {
		h := m.serveHTTP
		for i := len(ep.Middleware) - 1; i >= 0; i-- {
			h = ep.Middleware[i](h)
		}
		ep.handler = h
	})
	return ep.handler
}

// socket is what a chain needs of the connection below.
type socket interface {
	Close() error
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

func (m *Manager) newChain(below socket, ep *Endpoint, opts Options) *chain {
	ch := &chain{m: m, endpoint: ep, opts: &opts, tag: opts.Tag, shared: opts.Shared, raw: below, id: m.lastID.Add(1)}
	parent := m.cfg.Features
	if opts.Features != nil {
		parent = opts.Features
	}
	ch.features.Init(nil, nil, ch, parent)
	return ch
}

// takeOptions are for the chain's conn. They outlive it as little as what is only for its beginning.
func (ch *chain) takeOptions() Options {
	opts := *ch.opts
	ch.opts = nil
	return opts
}

// serveChained serves a connection on a goroutine of its own, by the endpoint's middleware.
func (m *Manager) serveChained(nc net.Conn, ep *Endpoint, opts Options) {
	ch := m.newChain(nc, ep, opts)
	ch.ctx, ch.cancel = context.WithCancelCause(context.Background())
	if reason := ch.place(); reason != "" {
		remote, status := ch.RemoteAddrText(), 0
		ch.cancel(nil)
		if reason == reasonFull {
			status = m.turnAway(nc, ep)
		} else {
			nc.Close()
		}
		m.reject(ep, ch.id, remote, reason, opts.Tag, status)
		return
	}
	ch.lifeBegins()
	go ch.run(nc)
}

// place takes a place for the chain, or says why there is none.
func (ch *chain) place() (reason string) {
	m := ch.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if !ch.opts.placed {
		if reason = m.placeLocked(); reason != "" {
			return reason
		}
	}
	ch.counted = true
	m.chains[ch] = struct{}{}
	ch.endpoint.conns++
	return ""
}

// run is the connection's goroutine.
func (ch *chain) run(nc net.Conn) {
	defer ch.end()
	err := ch.m.middleware(ch.endpoint)(ch.ctx, connection.New(nc, &ch.features))
	if err != nil && !errors.Is(err, ch.failed) {
		ch.log(slog.LevelDebug, eventMiddlewareRefused, slog.Any("error", err))
	}
}

// end runs last on the connection's goroutine.
func (ch *chain) end() {
	if v := recover(); v != nil {
		ch.log(slog.LevelError, eventMiddlewarePanicked, slog.Any("error", v), slog.String("stack", string(debug.Stack())))
	}
	m := ch.m
	defer m.wg.Done()
	ch.lifeEnds()
	m.mu.Lock()
	if ch.counted {
		ch.counted = false // no join from now on
		m.open.Add(-1)
	}
	m.mu.Unlock()
	ch.cut(nil)
	m.mu.Lock()
	delete(m.chains, ch)
	ch.endpoint.conns--
	served := ch.conn != nil
	m.signalLocked()
	m.mu.Unlock()
	if !served && m.cfg.Ended != nil {
		m.cfg.Ended(ch.tag, 0)
	}
}

// cut ends the connection below whatever was wrapped around it, from any goroutine. Closing a wrapper instead might wait:
// that of TLS writes.
func (ch *chain) cut(cause error) {
	if ch.cancel != nil {
		ch.cancel(cause)
	}
	if half, ok := ch.raw.(interface{ CloseWrite() error }); ok && ch.shared {
		half.CloseWrite()
	}
	ch.raw.Close()
}

// serveHTTP is the innermost handler. It returns when the connection is over, or what has taken it over is.
func (m *Manager) serveHTTP(ctx context.Context, c *connection.Conn) error {
	ch, ok := server.Get[*chain](c.Features())
	if !ok || ch.m != m {
		return errStranger
	}
	if !ch.next.CompareAndSwap(false, true) {
		return errNextTwice
	}
	nc, ahead := c.Detach()
	opts := ch.takeOptions()
	opts.Features = c.Features()
	if as, _ := server.Get[server.ConnectionFeature](c.Features()); as != server.ConnectionFeature(ch) {
		ch.as = as
	}
	if ch.endpoint.TLS != nil {
		secure, err := ch.handshake(ctx, nc, ahead)
		if err != nil {
			ch.failed = err
			return err
		}
		nc, ahead = secure, nil
		ch.secured.describe(c.Features(), &opts)
		ch.keepHello(c.Features())
	}
	t := transport.NewConn(nc, m.heartbeat, reasons)
	inner := m.newConn(t, ch.endpoint, opts)
	inner.id = ch.id
	inner.chain = ch
	if opts.OnState != nil {
		t.Mark(inner.mark)
	}
	if err := m.join(inner, ch); err != nil {
		t.Close()
		return err
	}
	inner.lifeBegins()
	inner.run(append(opts.Prefix[:len(opts.Prefix):len(opts.Prefix)], ahead...))
	m.mu.Lock()
	taken := ch.taken
	m.mu.Unlock()
	if taken != nil {
		<-taken.done
	}
	return nil
}

// join registers c in the place of its chain, unless abort has already looked for connections, or the chain has ended.
func (m *Manager) join(c *conn, ch *chain) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.aborted.Load(), ch.endpoint.aborted.Load():
		return httpcommon.ErrServerShutdown
	case !ch.counted:
		return errNextLate
	}
	ch.counted, ch.conn = false, c
	m.wg.Add(1)
	m.registerLocked(c)
	return nil
}

// inMiddlewareLocked counts the chains of an endpoint, or of all for nil, that are not in HTTP or beyond it.
func (m *Manager) inMiddlewareLocked(ep *Endpoint) (before, after int64) {
	for ch := range m.chains {
		if ep != nil && ch.endpoint != ep {
			continue
		}
		if ch.counted {
			before++
			continue
		}
		_, serving := m.conns[ch.conn]
		_, taken := m.taken[ch.taken]
		if !serving && !taken {
			after++
		}
	}
	return before, after
}

// clientText is the address that the middleware says, or else the connection's own.
func (ch *chain) clientText() string {
	if as := ch.replaced(); as != nil {
		return as.RemoteAddrText()
	}
	return ch.RemoteAddrText()
}

func (ch *chain) log(level slog.Level, e event, attrs ...slog.Attr) {
	if !ch.m.cfg.Logger.Enabled(context.Background(), level) {
		return
	}
	attrs = append(attrs, e.id, slog.String("connection", ch.ConnectionID()), slog.String("endpoint", ch.endpoint.Name),
		slog.String("remote", ch.clientText()))
	ch.m.cfg.Logger.LogAttrs(context.Background(), level, e.msg, attrs...)
}

// A chain is what its middleware sees of the connection.
var _ server.ConnectionFeature = (*chain)(nil)

func (ch *chain) ConnectionID() string { return connectionID(ch.id) }
func (ch *chain) LocalAddr() net.Addr  { return ch.raw.LocalAddr() }
func (ch *chain) RemoteAddr() net.Addr { return ch.raw.RemoteAddr() }
func (ch *chain) EndpointName() string { return ch.endpoint.Name }

func (ch *chain) RemoteAddrText() string {
	if addr := ch.raw.RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
}
