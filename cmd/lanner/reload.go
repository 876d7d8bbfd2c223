package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/control"
)

func reloadCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "reload",
		GroupID: operate,
		Short:   "Make the host read its configuration again",
		Long: `Brings the host to its configuration file. What did not change keeps its endpoints, workers and connections. A file with
mistakes changes nothing; the exit code is 78 then.`,
		Example: "  lanner config check && lanner reload",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				result, err := c.Reload(ctx)
				if err != nil {
					return err
				}
				return a.printReload(result)
			})
		},
	}
}

func (a *app) printReload(result control.ReloadResult) error {
	if a.json {
		return a.printJSON(result)
	}
	if len(result.Changes) == 0 {
		a.printf("%s: nothing has changed\n", result.ConfigFile)
		return nil
	}
	for _, change := range result.Changes {
		a.printf("%s %s %s", change.Kind, change.Name, change.Action)
		if len(change.Keys) > 0 {
			a.printf(": %s", strings.Join(change.Keys, ", "))
		}
		if change.Effect != "" {
			a.printf(" (%s)", change.Effect)
		}
		a.printf("\n")
	}
	return nil
}
