package httpconn

import (
	"context"
	"log/slog"
)

// levelTrace is below Debug, as the Trace of Kestrel's log.
const levelTrace = slog.LevelDebug - 4

// logBody tells of the reading of a body. It may run on another goroutine than the handler's, so the request's id is made anew.
func (c *conn) logBody(done bool) {
	level, e := slog.LevelDebug, eventRequestBodyStart
	if done {
		level, e = levelTrace, eventRequestBodyDone
	}
	if logger := c.m.cfg.Logger; c.m.debug.Load() && logger.Enabled(context.Background(), level) {
		logger.LogAttrs(context.Background(), level, e.msg, e.id, slog.String("connection", c.ConnectionID()),
			slog.String("request", requestID(c.ConnectionID(), c.requests)))
	}
}
