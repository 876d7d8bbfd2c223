package httpconn

import (
	"io"
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
)

func (c *conn) ConnectionID() string {
	if c.idText == "" {
		c.idText = connectionID(c.id)
	}
	return c.idText
}

func (c *conn) LocalAddr() net.Addr  { return c.transport.NetConn().LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.transport.NetConn().RemoteAddr() }
func (c *conn) EndpointName() string { return c.endpoint.Name }

func (c *conn) RemoteAddrText() string {
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
	read, _ := c.transport.Rates()
	return dataRate(read)
}

func (c *conn) MinResponseDataRate() server.DataRate {
	_, write := c.transport.Rates()
	return dataRate(write)
}

func (c *conn) SetMinRequestBodyDataRate(r server.DataRate) error {
	_, write := c.transport.Rates()
	c.rates = true
	c.transport.SetRates(&transport.Rate{BytesPerSecond: r.BytesPerSecond, Grace: r.Grace}, write)
	return nil
}

func (c *conn) SetMinResponseDataRate(r server.DataRate) error {
	read, _ := c.transport.Rates()
	c.rates = true
	c.transport.SetRates(read, &transport.Rate{BytesPerSecond: r.BytesPerSecond, Grace: r.Grace})
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
	return c.http.Response().SendInterim(status, h)
}

func (c *conn) SendFrom(r io.Reader) (int64, error) { return c.http.Response().SendFrom(r) }

// OnAborted implements server.RequestLifetimeFeature. The first call makes the engine watch the connection.
func (c *conn) OnAborted(fn func(error)) {
	c.mu.Lock()
	if c.cause != nil {
		cause := c.cause
		c.mu.Unlock()
		fn(cause)
		return
	}
	c.onAbort = append(c.onAbort, fn)
	first := !c.watched
	c.watched = true
	c.mu.Unlock()
	if first {
		c.http.OnAborted(c.clientGone)
	}
}

// clientGone maps what the transport saw to why.
func (c *conn) clientGone(error) {
	switch {
	case c.m.aborted.Load():
		c.fire(httpcommon.ErrServerShutdown)
	default:
		c.fire(httpcommon.ErrClientDisconnected)
	}
}

// Abort implements server.RequestLifetimeFeature. It must be called by the handler's goroutine.
func (c *conn) Abort(cause error) {
	if cause == nil {
		cause = httpcommon.ErrRequestAborted
	}
	c.fire(cause)
	c.http.Lose(cause)
}
