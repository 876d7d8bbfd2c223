package hostfiltering

import "log/slog"

// The events of this package. All are at debug level: anybody can cause them.

// logRefused: a host is not in the list. Keys: host, as sent.
func logRefused(l *slog.Logger, host string) {
	l.Debug("request refused: its host is not allowed", "host", host)
}

// logEmpty: a request has no host and Options.RejectEmptyHosts is set.
func logEmpty(l *slog.Logger) {
	l.Debug("request refused: it has no host")
}
