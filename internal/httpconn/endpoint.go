package httpconn

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// Endpoint is where a connection came in. It belongs to one manager.
type Endpoint struct {
	// Name is for features, logs and metrics.
	Name string
	// Scheme is "http" or "https".
	Scheme string
	// Middleware runs on each connection before HTTP does, the first as the outermost. Such connections are on a goroutine
	// each, also with EventLoop, and cannot be released: their requests are not claimed, and they end when the manager drains. Options.Prefix is HTTP's.
	Middleware []connection.Middleware
	// TLS is how the server ends TLS, behind the middleware; nil for none. Such connections cannot be released. It is cloned: changes have no effect after the first connection. Protocols are what is offered by ALPN.
	TLS       *tls.Config
	Protocols Protocols
	// HandshakeTimeout bounds the TLS handshake. Zero means DefaultHandshakeTimeout, negative no limit.
	HandshakeTimeout time.Duration
	// KeepClientHello makes the ClientHello a feature of the connection (server.TLSClientHelloFeature), but not with HTTP/3.
	KeepClientHello bool
	// OnClientHello is given the features of the connection and the ClientHello before that is answered; nil for nobody. An error
	// ends the connection. The message must not be changed. It may wait, and is called on many goroutines at once, but not with HTTP/3.
	OnClientHello func(connection *server.Features, message []byte) error

	// AcceptAtOnce has connections accepted before they have sent something; see transport.Loop.Listen.
	AcceptAtOnce bool

	// EarlyDataAll lets requests with unsafe methods in early data reach the application. It is for HTTP/3.
	EarlyDataAll bool
	// AltSvc is the value of the Alt-Svc field of its responses (RFC 7838), which says where the same is to be had by HTTP/3; "" sends none.
	AltSvc string

	// Attrs say in metrics where it listens.
	Attrs metrics.EndpointAttrs

	recording sync.Once
	recorder  *metrics.Endpoint // see Manager.recorder

	chained sync.Once
	handler connection.Handler

	securing sync.Once
	secured  *tls.Config // see tlsConfig

	securingQUIC sync.Once
	securedQUIC  *tls.Config // see QUICTLS

	engine            atomic.Pointer[engine] // see Manager.engine
	draining, aborted atomic.Bool            // see StopEndpoint

	conns, taken int // how many there are; guarded by the manager's mu
}

// chains reports whether something runs on the endpoint's connections before HTTP.
func (ep *Endpoint) chains() bool { return len(ep.Middleware) > 0 || ep.TLS != nil }

// settings are the part of a Config that can be replaced while the manager serves.
type settings struct {
	limits                      http1.Limits
	http2                       HTTP2Limits // effective
	http3                       HTTP3Limits // effective
	compat                      http1.Compat
	serverHeader                string
	rates                       transport.Rates
	maxConnections, maxUpgraded int64
	full                        FullPolicy
	maxRequests                 int64
	maxAge, ageGrace            time.Duration
}

func (c *Config) settings() *settings {
	return &settings{
		limits: c.Limits.Effective(), http2: c.HTTP2.Effective(), http3: c.HTTP3.Effective(), compat: c.Compat, serverHeader: c.ServerHeader,
		rates:          transport.Rates{Read: c.MinRequestBodyRate, Write: c.MinResponseRate},
		maxConnections: c.MaxConnections, maxUpgraded: c.MaxUpgraded,
		full: c.Full, maxRequests: c.MaxRequests, maxAge: c.MaxAge, ageGrace: c.AgeGrace,
	}
}

// Reconfigure replaces the limits of both versions of HTTP, Compat, ServerHeader, the least rates and the bounds of connections, of their requests and
// ages, by those of cfg; the rest of cfg is not looked at. Connections that are accepted from then on are served by them; those
// that are open keep theirs to their end. A bound below what is open refuses new connections and closes none. It is safe from any goroutine.
func (m *Manager) Reconfigure(cfg Config) {
	m.settings.Store(cfg.settings())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signalLocked() // there may be places for those that wait
}

// engine is an endpoint's configuration of the engine, made of one generation of settings.
type engine struct {
	*settings
	http http1.Config
	mux  http2.Config
	quic http3.Config
}

// engine returns the configuration for connections that an endpoint accepts now.
func (m *Manager) engine(ep *Endpoint) *engine {
	now := m.settings.Load()
	if e := ep.engine.Load(); e != nil && e.settings == now {
		return e
	}
	e := &engine{settings: now, http: http1.Config{
		Limits: now.limits, Compat: now.compat, Scheme: ep.Scheme, ServerHeader: now.serverHeader, AltSvc: ep.AltSvc,
		Date: func() []byte { return *m.date.Load() },
	}}
	e.http.HTTP2 = m.speaksHTTP2(ep) && ep.TLS == nil
	e.mux = m.http2Config(now, ep)
	e.quic = m.quicConfig(now, ep)
	ep.engine.Store(e)
	return e
}

// DrainEndpoint does to the connections of one endpoint what Drain does to all, and returns at once. Those that are put under it later
// are closed.
func (m *Manager) DrainEndpoint(ep *Endpoint) {
	ep.draining.Store(true)
	m.drain(ep)
}

// StopEndpoint does to the connections of one endpoint what Stop does to all: it ends those that wait, makes running
// requests the last of theirs, and aborts what is left when ctx ends, which is an error. The owner has closed the
// endpoint's listeners, and does not use the Endpoint again. It is not for managers with ReturnIdle.
func (m *Manager) StopEndpoint(ctx context.Context, ep *Endpoint) error {
	ep.draining.Store(true)
	m.drain(ep)
	err := m.waitEmpty(ctx, ep)
	if err == nil {
		return nil
	}
	ep.aborted.Store(true)
	m.abort(ep)
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWait)
	defer cancel()
	if m.waitEmpty(wait, ep) != nil {
		err = fmt.Errorf("%w; the handlers of some have not returned yet", err)
	}
	return err
}

// draining reports whether the connection's next response is its last.
func (c *conn) draining() bool { return c.m.draining.Load() || c.endpoint.draining.Load() || c.old() }

// aborted reports whether the connection was cut by the manager.
func (c *conn) aborted() bool { return c.m.aborted.Load() || c.endpoint.aborted.Load() }

// drain makes the connection's next response its last.
func (c *conn) drain() {
	c.mu.Lock()
	many := c.many
	if many == nil && !c.returns() { // else it is released rather than ended
		c.http.Drain()
	}
	c.mu.Unlock()
	if many != nil {
		many.Drain()
	}
}

// drain ends the connections of an endpoint, or of all for nil, that wait, and makes running requests the last.
func (m *Manager) drain(ep *Endpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns {
		if ep != nil && c.endpoint != ep {
			continue
		}
		c.drain()
		c.transport.Interrupt()
	}
	for ch := range m.chains {
		if ch.shaking && (ep == nil || ch.endpoint == ep) {
			ch.raw.Close() // nothing has been asked on it
		}
	}
}

// waitEmpty waits until no connection of an endpoint, or of all for nil, is left.
func (m *Manager) waitEmpty(ctx context.Context, ep *Endpoint) error {
	for {
		m.mu.Lock()
		left, running, taken, changed := len(m.conns)+len(m.chains), m.open.Load(), len(m.taken), m.changedLocked()
		if ep != nil {
			left, running, taken = ep.conns, int64(max(0, ep.conns-ep.taken)), ep.taken
		}
		m.mu.Unlock()
		if left+taken == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			m.mu.Lock()
			before, after := m.inMiddlewareLocked(ep)
			m.mu.Unlock()
			what := fmt.Sprintf("%d running requests and %d upgraded connections", max(0, running-before), taken)
			if n := before + after; n > 0 {
				what += fmt.Sprintf(" and %d connections in their middleware", n)
			}
			return fmt.Errorf("%s were aborted at the end of the shutdown time: %w", what, context.Cause(ctx))
		}
	}
}

// abort cuts every connection of an endpoint, or of all for nil.
func (m *Manager) abort(ep *Endpoint) {
	var conns []*conn
	var taken []*Taken
	var chains []*chain
	m.mu.Lock()
	for c := range m.conns {
		if ep == nil || c.endpoint == ep {
			conns = append(conns, c)
		}
	}
	for t := range m.taken {
		if ep == nil || t.endpoint == ep {
			taken = append(taken, t)
		}
	}
	for ch := range m.chains {
		if ep == nil || ch.endpoint == ep {
			chains = append(chains, ch)
		}
	}
	m.mu.Unlock()
	for _, c := range conns {
		c.lose(httpcommon.ErrServerShutdown) // before the handler hears of it and answers
		c.fire(httpcommon.ErrServerShutdown)
		if c.chain != nil {
			c.chain.cut(httpcommon.ErrServerShutdown)
		}
		c.cut()
	}
	for _, ch := range chains {
		ch.cut(httpcommon.ErrServerShutdown)
	}
	for _, t := range taken {
		t.Close()
	}
}
