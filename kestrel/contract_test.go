package kestrel_test

import (
	"log/slog"
	"testing"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/server/servertest"
)

func TestServerKeepsTheContract(t *testing.T) {
	servertest.Run(t, func() server.Server {
		return kestrel.New(kestrel.Options{Logger: slog.New(slog.DiscardHandler)})
	})
}
