package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/control"
)

func stopCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "stop SITE",
		GroupID:           operate,
		Short:             "Stop a site",
		Long:              "Lets the running requests of a site finish and ends its workers. Its addresses stay open and answer 503, so that no other\nprogram takes them, until the site is started again or the host is. Other sites go on.",
		Example:           "  lanner stop shop",
		Args:              arguments("SITE"),
		ValidArgsFunction: a.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				result, err := c.StopSite(ctx, args[0])
				return a.printSite(result, err)
			})
		},
	}
}
