package forwarder

import (
	"context"
	"log/slog"
)

// Events of this package. Key of all: worker (its address). What Forward returns as an error is not logged here.
//
//	DEBUG request sent again   method, error: a kept connection was dead, the request goes out on another one
//	DEBUG tunnel ended         sent, received (bytes), error: an upgraded connection
//	DEBUG unsolicited bytes    bytes: the worker sent something that belongs to no request; the connection was closed
const (
	eventRetry       = "request sent again"
	eventTunnel      = "tunnel ended"
	eventUnsolicited = "unsolicited bytes"
)

func (u *Upstream) logRetry(method string, err error) {
	if u.enabled(slog.LevelDebug) {
		u.opts.Logger.Debug(eventRetry, "worker", u.addr, "method", method, "error", err)
	}
}

func (u *Upstream) logTunnel(sent, received int64, err error) {
	if u.enabled(slog.LevelDebug) {
		u.opts.Logger.Debug(eventTunnel, "worker", u.addr, "sent", sent, "received", received, "error", err)
	}
}

func (u *Upstream) logUnsolicited(n int) {
	if u.enabled(slog.LevelDebug) {
		u.opts.Logger.Debug(eventUnsolicited, "worker", u.addr, "bytes", n)
	}
}

func (u *Upstream) enabled(level slog.Level) bool {
	return u.opts.Logger.Enabled(context.Background(), level)
}
