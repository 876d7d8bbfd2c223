package kestrel_test

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/server/servertest"
)

func TestServerKeepsTheContract(t *testing.T) {
	servertest.Run(t, func() server.Server {
		return kestrel.New(kestrel.Options{Logger: slog.New(slog.DiscardHandler)})
	})
}

func TestServerKeepsTheContractBehindMiddleware(t *testing.T) {
	for name, pass := range map[string]func(c *connection.Conn) *connection.Conn{
		"that looks ahead": func(c *connection.Conn) *connection.Conn {
			c.Peek(4)
			return c
		},
		"that wraps the connection": func(c *connection.Conn) *connection.Conn { return c.With(struct{ net.Conn }{c}) },
	} {
		t.Run(name, func(t *testing.T) {
			servertest.Run(t, func() server.Server {
				return newThrough(func(next connection.Handler) connection.Handler {
					return func(ctx context.Context, c *connection.Conn) error { return next(ctx, pass(c)) }
				})
			})
		})
	}
}

// through is a kestrel with middleware on the addresses that it is told by its feature, which on their own have none.
type through struct {
	*kestrel.Server
	endpoints []kestrel.Endpoint
}

func newThrough(mw connection.Middleware) *through {
	endpoints := []kestrel.Endpoint{{URL: "http://127.0.0.1:0", Middleware: []connection.Middleware{mw}}}
	return &through{kestrel.New(kestrel.Options{Logger: slog.New(slog.DiscardHandler), Endpoints: endpoints}), endpoints}
}

// Start implements server.Server.
func (s *through) Start(ctx context.Context, app server.Application) error {
	if urls := s.Addresses(); len(urls) > 0 {
		s.endpoints[0].URL = urls[0] // the server's own slice
	}
	return s.Server.Start(ctx, app)
}
