package connlog

import (
	"context"
	"log/slog"

	"github.com/lannerhq/lanner/connection"
)

// Options configures the middleware. The zero value is valid.
type Options struct {
	// Logger receives the events, all at Debug. Nil means slog.Default(). A connection is logged when Debug is enabled as it
	// begins. Tell two places in a chain apart by attributes: slog.Default().With("at", "inside TLS").
	Logger *slog.Logger
	// MaxLineBytes is how many bytes of the connection one record has at most; more are several records. Zero or less means
	// 256, with which the text of a record has about 1,100.
	MaxLineBytes int
}

const defaultLineBytes = 256

// New returns the middleware.
func New(o Options) connection.Middleware {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxLineBytes <= 0 {
		o.MaxLineBytes = defaultLineBytes
	}
	return func(next connection.Handler) connection.Handler {
		return func(ctx context.Context, c *connection.Conn) error {
			if !o.Logger.Enabled(ctx, slog.LevelDebug) {
				return next(ctx, c)
			}
			l := &logged{Conn: c, log: o.Logger.With("connection", c.ID()), size: o.MaxLineBytes}
			l.opened()
			defer l.closed()
			return next(ctx, c.With(l))
		}
	}
}
