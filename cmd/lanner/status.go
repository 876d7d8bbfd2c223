package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/control"
)

func statusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status [SITE]",
		GroupID: operate,
		Short:   "Show the sites, applications and workers of the host",
		Long: `Shows the sites of the host and their applications; with SITE its workers too. The exit code is 0 when all is well, 1 when
something is degraded, and 3 when the host, or the SITE, does not run.`,
		Example:           "  lanner status shop",
		Args:              arguments("[SITE]"),
		ValidArgsFunction: a.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				status, err := c.Status(ctx)
				if is[*control.NotReachableError](err) {
					return &exitError{exitNotRunning, err}
				}
				if err != nil {
					return err
				}
				return a.showStatus(status, args)
			})
		},
	}
}

// showStatus prints the status, of one site if one is named, and returns its exit code.
func (a *app) showStatus(status control.Status, args []string) error {
	detailed := len(args) > 0
	if detailed {
		site, err := findSite(status, args[0])
		if err != nil {
			return err
		}
		status.Sites = []control.Site{site}
	}
	if a.json {
		if err := a.printJSON(status); err != nil {
			return err
		}
	} else {
		a.printStatus(status, detailed)
	}
	return quietly(health(status, detailed))
}

func findSite(status control.Status, name string) (control.Site, error) {
	for _, site := range status.Sites {
		if site.Name == name {
			return site, nil
		}
	}
	return control.Site{}, control.UnknownSite(name, siteNames(status))
}

// health returns the exit code. A site that somebody has stopped is not ill, unless it is the one that was asked for.
func health(status control.Status, one bool) int {
	for _, site := range status.Sites {
		switch {
		case site.State == control.Degraded:
			return exitDegraded
		case site.State == control.Stopped && one:
			return exitNotRunning
		}
	}
	return exitOK
}
