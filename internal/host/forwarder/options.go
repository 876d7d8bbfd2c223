package forwarder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Defaults of Options.
const (
	defaultRequestTimeout = 2 * time.Minute  // requestTimeout of the ASP.NET Core Module
	defaultIdleTimeout    = 90 * time.Second // http.DefaultTransport
	defaultMaxIdle        = 256
)

// Options are the settings of one Upstream. The zero value works.
type Options struct {
	// Token is sent as MS-ASPNETCORE-TOKEN with every request. It must be sendable as a field value. Empty means none.
	Token string

	// HTTP2 speaks HTTP/2 with prior knowledge to the worker (RFC 9113 §3.3) instead of HTTP/1.1. Upgrades, WebSockets among
	// them, still go over HTTP/1.1, which the worker need not speak as long as nobody asks for one.
	HTTP2 bool

	// RequestTimeout bounds the silence of the worker: how long it may take no byte of a request that it is given and
	// send none of a response that is awaited. Time spent waiting for the client does not count, upgraded connections
	// have no limit. Zero means 2m, as in the ASP.NET Core Module; negative means no limit.
	RequestTimeout time.Duration

	// ConnectTimeout bounds one connection attempt. Zero means RequestTimeout, as in the ASP.NET Core Module, which uses
	// its one number for connecting too; negative means no limit.
	ConnectTimeout time.Duration

	// Dial makes connections to the worker, instead of connecting to its address, which is only a name in messages then. The worker may
	// take a connection later than Dial returns it.
	Dial func(ctx context.Context) (net.Conn, error)

	// Inside says that the worker is a part of this server, which knows the client by other means: no Via and no certificate of the
	// client are added.
	Inside bool

	// MaxIdle is how many unused connections of HTTP/1.1 are kept. Zero means 256, negative means none.
	MaxIdle int

	// IdleTimeout is how long an unused connection is kept, or shorter when the worker announces less in a Keep-Alive
	// field. Zero means 90s, as http.DefaultTransport; negative means no limit.
	IdleTimeout time.Duration

	// NoForwardedFields keeps X-Forwarded-For, -Proto and -Host from being added. Those of a client that is not trusted
	// are removed in any case.
	NoForwardedFields bool

	// Forwarded also adds the Forwarded field of RFC 7239.
	Forwarded bool

	// ForwardResponseConnectionHeader passes the worker's Connection field on to the client, as the setting of that name
	// of the ASP.NET Core Module does.
	ForwardResponseConnectionHeader bool

	// NoWebSockets forwards requests for an upgrade as ordinary requests. By default every protocol may be upgraded to
	// except HTTP/2 (h2c) and TLS, which would carry requests past this forwarder.
	NoWebSockets bool

	// Via is the name put into the Via field of requests. Empty means "lanner".
	Via string

	// Logger receives the events listed in events.go. Nil means none.
	Logger *slog.Logger

	// ContinueTimeout is how long a request with Expect: 100-continue waits for the worker's word before its body is sent
	// all the same (RFC 9110 §10.1.1: a client "SHOULD NOT wait for an indefinite period"). Zero means 1s, as
	// http.DefaultTransport.
	ContinueTimeout time.Duration
}

func (o Options) withDefaults() Options {
	o.RequestTimeout = limit(o.RequestTimeout, defaultRequestTimeout)
	o.ConnectTimeout = limit(o.ConnectTimeout, o.RequestTimeout)
	o.IdleTimeout = limit(o.IdleTimeout, defaultIdleTimeout)
	o.ContinueTimeout = limit(o.ContinueTimeout, time.Second)
	switch {
	case o.MaxIdle == 0:
		o.MaxIdle = defaultMaxIdle
	case o.MaxIdle < 0:
		o.MaxIdle = 0
	}
	if o.Via == "" {
		o.Via = "lanner"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// noLimit is a duration beyond any that is measured, and still far from overflowing.
const noLimit = 1 << 62

func limit(d, fallback time.Duration) time.Duration {
	switch {
	case d == 0:
		return fallback
	case d < 0:
		return noLimit
	}
	return d
}

// check refuses what would make every request fail, or leak the token.
func (o Options) check(addr string) error {
	ap, err := netip.ParseAddrPort(addr)
	if o.Dial != nil {
		ap, err = netip.AddrPortFrom(netip.IPv6Loopback(), 1), nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("cannot forward to %q: it is not an address and a port, such as 127.0.0.1:5001: %w", addr, err)
	case !ap.Addr().Unmap().IsLoopback() || ap.Port() == 0:
		return fmt.Errorf("cannot forward to %s: a worker listens on a loopback address, since requests carry its token in clear text", addr)
	case !httpcommon.IsFieldValue(o.Token):
		return errors.New("cannot forward with this token: it has a control character, which no header field may hold")
	case !httpcommon.IsFieldValue(o.Via):
		return fmt.Errorf("cannot use %q as the name in Via: it has a control character", o.Via)
	}
	return nil
}
