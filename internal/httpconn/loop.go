package httpconn

import (
	"net"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/transport"
)

// Exec says where a connection's handler runs when the connection is on the event loop.
type Exec uint8

const (
	// Auto runs handlers on the loop, and those that have been found to block on goroutines.
	Auto Exec = iota
	// Inline runs all handlers on the loop. One that blocks still gives the loop up.
	Inline
	// Goroutine runs every handler on a goroutine of its own.
	Goroutine
)

// Listen serves the connections of a listener until the returned function is called, which closes it. options is asked for
// each connection.
func (m *Manager) Listen(l net.Listener, ep *Endpoint, options func() Options) (stop func()) {
	if m.settings.Load().full == FullWait {
		return m.listenWaiting(l, ep, options)
	}
	if len(ep.Middleware) > 0 {
		m.middleware(ep) // now, rather than at the first connection
	} else if loop := m.theLoop(l); loop != nil {
		stop, err := loop.Listen(l, !ep.AcceptAtOnce, func(link transport.Inline) transport.Events {
			return m.onLoop(link, ep, options())
		}, func(err error, wait time.Duration) {
			if m.cfg.AcceptFailed != nil {
				m.cfg.AcceptFailed(l, err, wait)
			}
		})
		if err == nil {
			var once sync.Once
			return func() { once.Do(func() { stop(); l.Close() }) }
		}
	}
	var a transport.Acceptor
	a.Failed = m.cfg.AcceptFailed
	a.Serve(l, func(nc net.Conn) { m.Serve(nc, ep, options()) })
	return func() {
		l.Close()
		a.Wait()
	}
}

// theLoop returns the event loop, made for the first socket that can be on one; nil where there is none.
func (m *Manager) theLoop(socket any) *transport.Loop {
	if !m.cfg.EventLoop || !transport.Suits(socket) {
		return nil
	}
	m.loopOnce.Do(func() {
		m.loop, _ = transport.NewLoop(0, m.heartbeat, reasons) // where it cannot be had, goroutines do the same
	})
	return m.loop
}

// adopt puts a connection on the loop. It reports false when there is none, or the connection has no descriptor.
func (m *Manager) adopt(nc net.Conn, ep *Endpoint, opts Options) bool {
	loop := m.theLoop(nc)
	return loop != nil && loop.Adopt(nc, func(link transport.Inline) transport.Events { return m.onLoop(link, ep, opts) }) == nil
}

// onLoop makes the owner of a connection on the loop, or refuses it.
func (m *Manager) onLoop(link transport.Inline, ep *Endpoint, opts Options) transport.Events {
	ep = opts.endpoint(ep)
	switch {
	case len(ep.Middleware) > 0: // it has become one with middleware since the listener was put on the loop
		nc, _ := link.Detach()
		m.serveChained(nc, ep, opts)
		return nil
	case ep.TLS != nil:
		return m.secureOnLoop(link, ep, opts)
	}
	c := m.newConn(link, ep, opts)
	c.inline = link
	if !m.admitted(c, opts.placed) {
		return nil
	}
	link.SetTimeout(http1.TimeoutKeepAlive, c.engine.http.Limits.KeepAliveTimeout)
	if c.muxed {
		c.newMux(opts.Prefix)
		return c
	}
	if len(opts.Prefix) > 0 {
		c.begin()
		c.http.Preload(opts.Prefix)
		c.preloaded = true
	}
	if c.draining() { // Drain may have looked before it was admitted
		link.Interrupt()
	}
	return c
}

// Ready implements transport.Events.
func (c *conn) Ready(why transport.Why) {
	if c.h2 != nil {
		c.h2.ready(why)
		return
	}
	over := false
	defer c.unless(&over)
	if c.work == c.m.resting {
		c.begin()
	}
	next := c.step(why)
	if next == http1.More {
		over = true
		c.rest() // from here on the connection may be somebody else's
		return
	}
	if next == http1.Preface {
		next = c.prefaced()
	}
	over = true
	if next == http1.Preface {
		x := c.switchToMux()
		x.rest(x.http.Process())
		return
	}
	c.finish(next)
	c.finished = true
	c.ended(nil)
}

// unless ends a connection whose handler ended the goroutine, or on which we made a mistake.
func (c *conn) unless(over *bool) {
	if !*over {
		c.ended(recover())
	}
}

// step does what there is to do.
func (c *conn) step(why transport.Why) http1.Next {
	if c.preloaded { // before anything is read, or found to have ended
		c.preloaded = false
		return c.http.Process()
	}
	leaving := why == transport.Interrupted && c.http.Idle() && c.draining()
	switch {
	case leaving && c.returns():
		return c.interrupted() // bytes that have come go with it
	case c.inline.Expired() != 0:
		return c.readFailed(transport.ErrExpired)
	}
	if c.onState != nil {
		c.setState(Reading) // before a byte can have been taken
	}
	n, err := c.inline.TryRead(c.http.Input())
	if n == 0 && err == nil {
		if leaving {
			return c.interrupted()
		}
		return http1.More
	}
	if err != nil {
		return c.readFailed(err)
	}
	c.http.Received(n)
	return c.http.Process()
}

// rest ends a turn: the connection owns no buffer while it waits, unless half a request lies in it.
func (c *conn) rest() {
	if c.http.Idle() {
		c.pause()
		c.setState(Idle)
	} else {
		c.setState(Reading)
	}
	c.inline.Attach()
}

// enter begins a handler: on the loop, or, when its kind blocks, on this goroutine alone.
func (c *conn) enter() {
	switch c.m.cfg.Exec {
	case Goroutine:
		c.inline.Leave()
		return
	case Inline:
		c.inline.Enter()
		return
	}
	q := c.http.Request()
	kind := c.m.classes.of(q.Method(), q.Path())
	if kind != c.kind {
		c.kind, c.ran = kind, 0
	}
	if kind.blocks() {
		c.inline.Leave()
		c.left = time.Now()
		return
	}
	c.inline.Enter()
}

// exit ends what enter began.
func (c *conn) exit() {
	kind := c.kind
	switch {
	case kind == nil: // Exec says it all
	case !c.left.IsZero():
		kind.took(time.Since(c.left))
		c.left = time.Time{}
	case c.inline.Exit():
		kind.heldUp()
	default:
		if c.ran++; c.ran == runStep {
			c.ran = 0
			kind.ran()
		}
	}
}
