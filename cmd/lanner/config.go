package main

import (
	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/config"
)

func configCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config COMMAND",
		GroupID: operate,
		Short:   "Check and show the configuration",
		Long:    "Checks and shows the configuration file without running it.",
		Example: "  lanner config check lanner.yaml",
	}
	group(cmd)
	cmd.AddCommand(configCheckCommand(a), configShowCommand(a))
	return cmd
}

// findConfig returns the file in the first argument, or the one that "lanner host" would take.
func (a *app) findConfig(args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	path, err := config.Find(a.configFile)
	if err != nil {
		return "", &exitError{exitConfig, err}
	}
	return path, nil
}
