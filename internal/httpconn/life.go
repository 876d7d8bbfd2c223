package httpconn

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/metrics"
)

// life is what is kept of a connection from its admission to its end when something asks for it: the access log, metrics, the
// log at Debug level, a limit of its requests or its age. A connection of which nothing is asked has none, so that its
// requests pay for one comparison with nil. It belongs to the connection's goroutine.
type life struct {
	observed bool // the engine tells of its exchanges
	began    time.Time
	recorder *metrics.Endpoint
	idText   string    // the connection's id, made when first asked for; guarded by the conn's mu
	local    string    // the text of the local address, made when first asked for
	reason   string    // why it ends, if not well: the first error wins
	protocol string    // that it was upgraded to
	x        *exchange // the one under way; nil between requests

	age aging
	old atomic.Bool // it has reached its age
}

// exchange is what is kept of one request and its response. It is reused by whatever connection comes next.
type exchange struct {
	began  time.Time
	served bool // the application was called
	reason string
	id     [13 + 1 + 8]byte
	entry  accesslog.Entry
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// observed reports whether somebody wants to hear of each exchange.
func (m *Manager) observed() bool {
	return m.cfg.AccessLog != nil || m.metrics != nil || m.debug.Load()
}

// look finds out what the log takes. It is asked once a second rather than for each request.
func (m *Manager) look() {
	m.debug.Store(m.cfg.Logger.Enabled(context.Background(), slog.LevelDebug))
}

// observe gives a new connection its life, if it is to have one.
func (c *conn) observe() {
	observed := c.m.observed()
	if !observed && !c.limited() {
		return
	}
	own := *c.origin
	own.life = &life{observed: observed}
	if observed {
		own.life.began, own.life.recorder = time.Now(), c.m.recorder(c.endpoint)
	}
	c.origin = &own
	if c.debugs() {
		c.logConnection(eventConnectionAccepted)
	}
}

// recorder returns the endpoint's metrics; nil when there are none.
func (m *Manager) recorder(ep *Endpoint) *metrics.Endpoint {
	if m.metrics == nil {
		return nil
	}
	ep.recording.Do(func() {
		ep.recorder = m.metrics.Endpoint(ep.Attrs)
	})
	return ep.recorder
}

// lifeBegins begins what is counted of a connection. That of a chain is counted by the chain.
func (c *conn) lifeBegins() {
	l := c.life
	if l == nil {
		return
	}
	if c.chain == nil {
		l.recorder.ConnectionStarted()
	}
	c.grow()
	if c.debugs() {
		c.logConnection(eventConnectionStart)
	}
}

// lifeEnds ends it, before the engine's memory is given back. An exchange that is still open was cut short by the handler, or
// by a mistake of ours. What the application has taken over goes on to be counted.
func (c *conn) lifeEnds() {
	l := c.life
	if l == nil {
		return
	}
	if c.engine.maxAge > 0 {
		c.m.ages.remove(c)
	}
	defer c.logStop()
	if x := l.x; x != nil && !c.released {
		if x.reason == "" {
			x.reason = reasonOther
		}
		report := c.http.Report()
		if !x.served {
			report = c.http.Unserved()
		}
		(*observer)(c).Ended(report, http1.Abort)
	}
	if c.chain != nil {
		c.chain.reason = l.reason
		return
	}
	if !c.uncounted {
		l.recorder.ConnectionEnded(time.Since(l.began), metrics.Protocol{Name: "http", Version: "1.1"}, l.reason)
	}
}

// lifeBegins and lifeEnds of a chain count the connection from its admission to the end of its middleware.
func (ch *chain) lifeBegins() {
	if rec := ch.m.recorder(ch.endpoint); rec != nil {
		ch.began = time.Now()
		rec.ConnectionStarted()
	}
}

func (ch *chain) lifeEnds() {
	if rec := ch.m.recorder(ch.endpoint); rec != nil {
		rec.ConnectionEnded(time.Since(ch.began), ch.spoke(), ch.reason)
	}
}

// spoke is the protocol of the connection. One whose handshake failed spoke none.
func (ch *chain) spoke() metrics.Protocol {
	p := metrics.Protocol{Name: "http", Version: "1.1", TLSVersion: ch.secured.version()}
	switch {
	case ch.endpoint.TLS != nil && ch.secured == nil:
		return metrics.Protocol{}
	case ch.secured != nil && ch.secured.state.NegotiatedProtocol == protocolHTTP2:
		p.Version = "2"
	}
	return p
}

// lifeBegins and lifeEnds of a Taken count an upgraded connection, to its end.
func (t *Taken) lifeBegins(c *conn) {
	t.life = c.life
	if t.life == nil {
		return
	}
	t.life.protocol = "http"
	if httpcommon.EqualFold(c.http.Request().Header().Get("Upgrade"), "websocket") {
		t.life.protocol = "web_sockets"
	}
	t.life.recorder.UpgradeStarted()
}

func (t *Taken) lifeEnds() {
	l := t.life
	if l == nil {
		return
	}
	l.recorder.UpgradeEnded()
	if t.chain != nil {
		return
	}
	reason := ""
	if t.m.aborted.Load() || t.endpoint.aborted.Load() {
		reason = reasonShutdown
	}
	l.recorder.ConnectionEnded(time.Since(l.began), metrics.Protocol{Name: l.protocol}, reason)
}
