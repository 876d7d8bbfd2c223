package hsts

import (
	"context"
	"log/slog"
)

// The events of this package. All are at debug level, and cost nothing when that is off: they come with every request.

// logInsecure: a request came by http.
func logInsecure(l *slog.Logger) {
	l.Debug("no Strict-Transport-Security: the request is not by https")
}

// logExcluded: a host is in Options.ExcludedHosts. Keys: host, as sent.
func logExcluded(l *slog.Logger, host string) {
	if l.Enabled(context.Background(), slog.LevelDebug) {
		l.Debug("no Strict-Transport-Security: the host is excluded", "host", host)
	}
}
