package httpconn

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/server"
)

// Duration is time.Duration; the name keeps stream's method set readable.
type Duration = time.Duration

// conn is the native object of its requests' features: what it implements, they have.
var (
	_ server.ConnectionFeature         = (*conn)(nil)
	_ server.UpgradeFeature            = (*conn)(nil)
	_ server.RequestLifetimeFeature    = (*conn)(nil)
	_ server.MaxRequestBodySizeFeature = (*conn)(nil)
	_ server.MinDataRateFeature        = (*conn)(nil)
	_ server.BodyControlFeature        = (*conn)(nil)
	_ server.RequestIdentifierFeature  = (*conn)(nil)
	_ server.RequestTrailersFeature    = (*conn)(nil)
	_ server.ResponseTrailersFeature   = (*conn)(nil)
	_ server.InterimResponseFeature    = (*conn)(nil)
	_ server.ResponseBodyFeature       = (*conn)(nil)
	_ server.RouteFeature              = (*conn)(nil)
)

// ConnectionID implements server.ConnectionFeature.
func (c *conn) ConnectionID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life != nil { // it is asked for again and again
		if c.life.idText == "" {
			c.life.idText = connectionID(c.id)
		}
		return c.life.idText
	}
	if c.work == c.m.resting {
		return connectionID(c.id)
	}
	if c.idText == "" {
		c.idText = connectionID(c.id)
	}
	return c.idText
}

func (c *conn) EndpointName() string { return c.endpoint.Name }

// LocalAddr implements server.ConnectionFeature.
func (c *conn) LocalAddr() net.Addr {
	if c.local != nil {
		return c.local
	}
	return c.transport.LocalAddr()
}

// RemoteAddr implements server.ConnectionFeature.
func (c *conn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.transport.RemoteAddr()
}

// RemoteAddrText implements server.ConnectionFeature.
func (c *conn) RemoteAddrText() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if as := c.chain.replaced(); as != nil {
		return as.RemoteAddrText()
	}
	if c.remoteText == "" {
		if addr := c.RemoteAddr(); addr != nil {
			c.remoteText = addr.String()
		}
	}
	return c.remoteText
}

func (c *conn) TraceIdentifier() string {
	if c.trace == "" {
		c.trace = requestID(c.ConnectionID(), c.requests)
	}
	return c.trace
}

func (c *conn) SetTraceIdentifier(id string) { c.trace = id }

func (c *conn) MaxRequestBodySize() int64 { return c.http.BodyLimit() }

func (c *conn) SetMaxRequestBodySize(n int64) error {
	if !c.http.SetBodyLimit(n) {
		return server.ErrTooLate
	}
	return nil
}

func (c *conn) MinRequestBodyDataRate() server.DataRate {
	return dataRate(c.transport.Rates().Read)
}

func (c *conn) MinResponseDataRate() server.DataRate {
	return dataRate(c.transport.Rates().Write)
}

func (c *conn) SetMinRequestBodyDataRate(r server.DataRate) error {
	if err := checkRate(r); err != nil {
		return err
	}
	c.rates = true
	c.transport.SetRates(&transport.Rates{Read: &transport.Rate{BytesPerSecond: r.BytesPerSecond, Grace: r.Grace}, Write: c.transport.Rates().Write})
	return nil
}

func (c *conn) SetMinResponseDataRate(r server.DataRate) error {
	if err := checkRate(r); err != nil {
		return err
	}
	c.rates = true
	c.transport.SetRates(&transport.Rates{Read: c.transport.Rates().Read, Write: &transport.Rate{BytesPerSecond: r.BytesPerSecond, Grace: r.Grace}})
	return nil
}

// checkRate refuses a grace period that is shorter than the time between two measurements.
func checkRate(r server.DataRate) error {
	if r.BytesPerSecond > 0 && r.Grace <= transport.Interval {
		return fmt.Errorf("a data rate's grace period must be more than %v, at which rates are measured, not %v", transport.Interval, r.Grace)
	}
	return nil
}

func dataRate(r *transport.Rate) server.DataRate {
	if r == nil {
		return server.DataRate{}
	}
	return server.DataRate{BytesPerSecond: r.BytesPerSecond, Grace: r.Grace}
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.transport.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.transport.SetWriteDeadline(t) }

func (c *conn) RequestTrailers() *server.Headers  { return c.http.RequestTrailers() }
func (c *conn) ResponseTrailers() *server.Headers { return c.http.Response().ResponseTrailers() }

func (c *conn) SendInterim(status int, h *server.Headers) error {
	err := c.http.Response().SendInterim(status, h)
	if errors.Is(err, httpcommon.ErrStarted) {
		return server.ErrTooLate
	}
	return err
}

func (c *conn) SendFrom(r io.Reader) (int64, error) { return c.http.Response().SendFrom(r) }

// OnAborted implements server.RequestLifetimeFeature. The first call makes the engine watch the connection.
func (c *conn) OnAborted(fn func(error)) {
	c.mu.Lock()
	if cause := c.cause; cause != nil {
		c.mu.Unlock()
		fn(cause)
		return
	}
	first := c.running && !c.watched
	if first {
		c.guests++
	}
	if c.running { // else it comes from a goroutine that outlived its request
		c.onAbort = append(c.onAbort, fn)
		c.watched = true
	}
	c.mu.Unlock()
	if first {
		c.http.OnAborted(c.lost)
		c.leave()
	}
}

// lose tells the engine that the connection is given up, unless it has none, and so no request.
func (c *conn) lose(cause error) {
	c.mu.Lock()
	many := c.many
	c.mu.Unlock()
	if many != nil {
		many.Lose(cause)
		return
	}
	c.visit().Lose(cause)
	c.leave()
}

// lost is the engine's word that the request is over. When the manager cut the connection, that is why.
func (c *conn) lost(cause error) {
	if c.aborted() {
		cause = httpcommon.ErrServerShutdown
	}
	c.fire(cause)
}

// Abort implements server.RequestLifetimeFeature. It is safe to call from any goroutine: reads and writes that are under
// way fail.
func (c *conn) Abort(cause error) {
	if cause == nil {
		cause = httpcommon.ErrRequestAborted
	}
	c.logSafely(slog.LevelDebug, eventApplicationAborted, slog.Any("cause", cause))
	c.fire(cause)
	c.lose(cause)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owned {
		c.transport.Cut()
	}
}
