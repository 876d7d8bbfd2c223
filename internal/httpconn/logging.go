package httpconn

import (
	"context"
	"log/slog"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/transport"
)

// levelTrace is below Debug, as the Trace of Kestrel's log.
const levelTrace = slog.LevelDebug - 4

// debugs reports whether the events below Information are to be told. It is an atomic load; see Manager.look.
func (c *conn) debugs() bool { return c.m.debug.Load() }

// logSafely is log for events that may come from another goroutine than the handler's: it makes the request's id anew.
func (c *conn) logSafely(level slog.Level, e event, attrs ...slog.Attr) {
	if logger := c.m.cfg.Logger; logger.Enabled(context.Background(), level) {
		attrs = append(attrs, e.id, slog.String("connection", c.ConnectionID()), slog.String("request", requestID(c.ConnectionID(), c.requests)))
		logger.LogAttrs(context.Background(), level, e.msg, attrs...)
	}
}

// logConnection is for events of the connection rather than of a request.
func (c *conn) logConnection(e event, attrs ...slog.Attr) {
	attrs = append(attrs, e.id, slog.String("connection", c.ConnectionID()), slog.String("endpoint", c.endpoint.Name), slog.String("remote", c.RemoteAddrText()))
	c.m.cfg.Logger.LogAttrs(context.Background(), slog.LevelDebug, e.msg, attrs...)
}

// logBody tells of the reading of a body.
func (c *conn) logBody(done bool) {
	switch {
	case !c.debugs():
	case done:
		c.logSafely(levelTrace, eventRequestBodyDone)
	default:
		c.logSafely(slog.LevelDebug, eventRequestBodyStart)
	}
}

// logEnded tells of what is worth it in an exchange that is over.
func (c *conn) logEnded(x *exchange, r *http1.Report, next http1.Next) {
	if !c.debugs() {
		return
	}
	if r.Swallowed > 0 {
		c.log(slog.LevelDebug, eventHeadResponseBodyWrite, slog.Int64("bytes", r.Swallowed))
	}
	if r.FieldRemoved {
		c.log(slog.LevelDebug, eventInvalidResponseHeaderRemoved)
	}
	switch x.reason {
	case reasonSlowBody:
		c.logSlow(eventMinRequestRate)
	case reasonSlow:
		c.logSlow(eventMinResponseRate)
	}
	if x.served && r.Unread && next != http1.Taken {
		c.log(slog.LevelDebug, eventRequestBodyNotEntirelyRead)
	}
	if r.DrainTimedOut {
		c.log(slog.LevelDebug, eventRequestBodyDrainTimedOut)
	}
	if next == http1.More {
		c.log(slog.LevelDebug, eventConnectionKeepAlive)
	}
}

// logSlow tells what was measured, so that an operator can see whether the limit or the client is to blame.
func (c *conn) logSlow(e event) {
	measure := c.transport.Measured()
	if measure == nil {
		return
	}
	c.log(slog.LevelDebug, e, rates(measure)...)
}

// rates are the keys of what was measured.
func rates(m *transport.Measure) []slog.Attr {
	return []slog.Attr{slog.Float64("rate", m.BytesPerSecond()), slog.Float64("limit", m.Least.BytesPerSecond),
		slog.Duration("grace", m.Least.Grace), slog.Int64("bytes", m.Bytes), slog.Duration("over", m.Over)}
}

// late tells of a beat that came much too late: the process was stopped or starved, and every timeout acts late.
func (m *Manager) late(now time.Time) {
	if gap := now.Sub(m.lastBeat); !m.lastBeat.IsZero() && gap > 2*transport.Interval {
		m.cfg.Logger.LogAttrs(context.Background(), slog.LevelWarn, eventHeartbeatSlow.msg, eventHeartbeatSlow.id,
			slog.Duration("after", gap), slog.Duration("interval", transport.Interval))
	}
	m.lastBeat = now
}

func (c *conn) logStop() {
	if c.debugs() {
		c.logConnection(eventConnectionStop, slog.Uint64("requests", uint64(c.requests)), slog.String("reason", c.life.reason))
	}
}
