package main

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/lannerhq/lanner/internal/host"
	"github.com/lannerhq/lanner/internal/host/config"
)

// hostOptions is what "lanner host" knows beside the configuration.
type hostOptions struct {
	Logger  *slog.Logger
	Version string
	// Socket is that of --socket and wins over control.socket. Empty means the configuration's.
	Socket string
	// Reload asks for the configuration file to be read again. The host reports mistakes in its log and in its status.
	Reload <-chan struct{}
	// Reopen asks for all log files to be opened again.
	Reopen <-chan struct{}
}

// runHost runs the host until ctx ends, and then stops it gracefully. Tests replace it.
var runHost = func(ctx context.Context, cfg *config.Config, o hostOptions) error {
	h, err := host.New(cfg, host.Options{
		Logger: o.Logger, Version: o.Version, Socket: o.Socket, Reload: o.Reload, Reopen: o.Reopen, Guard: true,
		Development: strings.EqualFold(os.Getenv("LANNER_ENV"), "Development"),
	})
	if err != nil {
		return err
	}
	return h.Run(ctx, nil)
}
