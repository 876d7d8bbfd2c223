package httpsredirection

import (
	"context"
	"log/slog"
)

// The events of this package. The warnings come once for each middleware, those at debug level with every request.

// logNoPort, warn: there is no https port, requests pass by http.
func logNoPort(l *slog.Logger) {
	l.Warn("no redirect to https: there is no https port. Set HTTPSPort or the environment variable LANNER_HTTPS_PORT, or give the server an https endpoint")
}

// logSeveralPorts, warn: the server's https addresses have several ports, requests pass by http.
func logSeveralPorts(l *slog.Logger) {
	l.Warn("no redirect to https: the server's https addresses have several ports. Say which one is meant by HTTPSPort or the environment variable LANNER_HTTPS_PORT")
}

// logRefused, debug: a request without a valid host was answered 400. Keys: host, as sent.
func logRefused(l *slog.Logger, host string) {
	if l.Enabled(context.Background(), slog.LevelDebug) {
		l.Debug("request refused: it has no valid host that a redirect to https could lead to", "host", host)
	}
}

// logRedirected, debug: a request was redirected. Keys: location.
func logRedirected(l *slog.Logger, location string) {
	if l.Enabled(context.Background(), slog.LevelDebug) {
		l.Debug("redirected to https", "location", location)
	}
}
