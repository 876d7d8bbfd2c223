package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/control"
)

func startCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "start SITE",
		GroupID:           operate,
		Short:             "Start a site that was stopped",
		Long:              "Lets a stopped site answer again. Its workers start as its pools say: at once, or with the first request.",
		Example:           "  lanner start shop",
		Args:              arguments("SITE"),
		ValidArgsFunction: a.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				result, err := c.StartSite(ctx, args[0])
				return a.printSite(result, err)
			})
		},
	}
}
