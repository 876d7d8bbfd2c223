package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	yaml "go.yaml.in/yaml/v4"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

// withHost calls f with a client for the host and a context that a signal ends.
func (a *app) withHost(cmd *cobra.Command, f func(context.Context, *control.Client) error) error {
	c := control.NewClient(a.controlSocket())
	defer c.Close()
	return a.interruptible(cmd.Context(), func(ctx context.Context) error { return f(ctx, c) })
}

// controlSocket returns the socket of the flag, or of the configuration file, or the default one.
func (a *app) controlSocket() string {
	if a.socket != "" {
		return a.socket
	}
	path, err := config.Find(a.configFile)
	if errors.Is(err, fs.ErrNotExist) {
		return config.DefaultControlSocket()
	}
	if cfg, err := config.Load(path); err == nil {
		return cfg.Control.Socket
	}
	if socket := socketOfBroken(path); socket != "" {
		return socket
	}
	fallback := config.DefaultControlSocket()
	fmt.Fprintf(a.stderr, "lanner: %s cannot be read, see \"lanner config check\"; trying %s\n", path, fallback)
	return fallback
}

// socketOfBroken returns control.socket of a file that has mistakes elsewhere, or "". They must not keep anybody from
// looking at the host that runs, or from hearing by "lanner reload" what they are.
func socketOfBroken(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var file struct {
		Control struct {
			Socket string `yaml:"socket"`
		} `yaml:"control"`
	}
	if yaml.Load(data, &file) != nil && file.Control.Socket == "" {
		return ""
	}
	socket := file.Control.Socket
	switch {
	case strings.Contains(socket, "$"): // needs to be expanded, and there may be the mistake
		return ""
	case socket == "":
		return config.DefaultControlSocket()
	case filepath.IsAbs(socket):
		return socket
	}
	return filepath.Join(filepath.Dir(path), socket)
}

// completionTimeout bounds what a shell waits for when Tab is pressed.
const completionTimeout = 2 * time.Second

// completeSites offers the sites of the host for the first argument.
func (a *app) completeSites(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeFirst(cmd, args, func(ctx context.Context, c *control.Client) ([]string, error) {
		status, err := c.Status(ctx)
		return siteNames(status), err
	})
}

// completeCertificates offers the names that certificates are shown for.
func (a *app) completeCertificates(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeFirst(cmd, args, func(ctx context.Context, c *control.Client) (names []string, err error) {
		list, err := c.Certificates(ctx)
		for _, certificate := range list {
			names = append(names, certificate.Names...)
		}
		return names, err
	})
}

// completeFirst offers for the first argument what the host knows.
func (a *app) completeFirst(cmd *cobra.Command, args []string, ask func(context.Context, *control.Client) ([]string, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	c := control.NewClient(a.controlSocket())
	defer c.Close()
	names, err := ask(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func siteNames(status control.Status) []string {
	var found []string
	for _, site := range status.Sites {
		found = append(found, site.Name)
	}
	return found
}
