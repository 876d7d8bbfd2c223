package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

// withHost calls f with a client for the host and a context that a signal ends.
func (a *app) withHost(cmd *cobra.Command, f func(context.Context, *control.Client) error) error {
	c := control.NewClient(a.controlSocket())
	defer c.Close()
	return a.interruptible(cmd.Context(), func(ctx context.Context) error { return f(ctx, c) })
}

// controlSocket returns the socket of the flag, or of the configuration file, or the default one. A file with mistakes must
// not keep anybody from looking at the host that runs: then the default is tried, and that is said.
func (a *app) controlSocket() string {
	if a.socket != "" {
		return a.socket
	}
	fallback := config.DefaultControlSocket()
	path, err := config.Find(a.configFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fallback
	}
	cfg, err := config.Load(path)
	if err != nil {
		fmt.Fprintf(a.stderr, "lanner: %s cannot be read, see \"lanner config check\"; trying %s\n", path, fallback)
		return fallback
	}
	return cfg.Control.Socket
}

// completionTimeout bounds what a shell waits for when Tab is pressed.
const completionTimeout = 2 * time.Second

// completeSites offers the sites of the host for the first argument.
func (a *app) completeSites(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	c := control.NewClient(a.controlSocket())
	defer c.Close()
	status, err := c.Status(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return siteNames(status), cobra.ShellCompDirectiveNoFileComp
}

func siteNames(status control.Status) []string {
	var found []string
	for _, site := range status.Sites {
		found = append(found, site.Name)
	}
	return found
}
