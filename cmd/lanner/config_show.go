package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

func configShowCommand(a *app) *cobra.Command {
	running := false
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Show the effective configuration and where each value comes from",
		Long: `Shows the configuration with every default filled in, and where each value comes from. Values of environments are
hidden. With --running it asks the host for the configuration it serves, which is older than the file after a reload that was
refused; that is always JSON.`,
		Example: "  lanner config show lanner.yaml",
		Args:    arguments("[FILE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if running && len(args) > 0 {
				return &usageError{"--running asks the host and takes no file", "leave one of them out"}
			}
			if running {
				return a.withHost(cmd, a.showRunning)
			}
			path, err := a.findConfig(args)
			if err != nil {
				return err
			}
			cfg, err := config.Load(path)
			if err != nil {
				return err
			}
			return config.Show(a.stdout, cfg, config.ShowOptions{JSON: a.json})
		},
	}
	cmd.Flags().BoolVar(&running, "running", false, "ask the host for the configuration it serves")
	return cmd
}

func (a *app) showRunning(ctx context.Context, c *control.Client) error {
	raw, err := c.Config(ctx)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(append(raw, '\n'))
	return err
}
