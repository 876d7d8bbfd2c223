package iisintegration

import "log/slog"

// The events of this package. None holds a token or a certificate.

// logRefused, error: a request did not carry the token. At most one a minute. Keys: tokens, the number of token headers.
func logRefused(l *slog.Logger, tokens int) {
	l.Error("request refused: it does not carry the token that IIS gave this process; it did not come through IIS", "tokens", tokens)
}

// logShutdown, info: the module asked this process to stop.
func logShutdown(l *slog.Logger) { l.Info("IIS asks this process to stop") }

// logBadCertificate, warn: the client's certificate could not be read and is left out. At most one a minute. Keys: error.
func logBadCertificate(l *slog.Logger, err error) {
	l.Warn("the client certificate from IIS cannot be read and is left out", "error", err)
}

// logBodyLimit, debug: the body limit could not be lifted. Keys: error.
func logBodyLimit(l *slog.Logger, err error) {
	l.Debug("the body limit of a request behind IIS cannot be lifted", "error", err)
}
