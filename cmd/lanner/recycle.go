package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/control"
)

func recycleCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "recycle SITE",
		GroupID: operate,
		Short:   "Replace the workers of a site without losing a request",
		Long: `Starts new workers, lets them become ready, and only then drains the old ones. Prints each step. If a new worker does not
become ready the old ones go on serving, and the exit code is 1.`,
		Example:           "  lanner recycle shop",
		Args:              arguments("SITE"),
		ValidArgsFunction: a.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				result, err := c.Recycle(ctx, args[0])
				return a.printSite(result, err)
			})
		},
	}
}

// printSite prints what a command did to a site, also when it failed on the way.
func (a *app) printSite(result control.SiteResult, err error) error {
	if a.json {
		if err != nil {
			return err
		}
		return a.printJSON(result)
	}
	p := a.painter(a.stdout)
	for _, step := range result.Steps {
		a.printStep(p, step)
	}
	if err != nil {
		return err
	}
	a.printf("%s is %s\n", result.Site, p.paint(stateColour(result.State), string(result.State)))
	return nil
}

func (a *app) printStep(p painter, step control.Step) {
	mark := p.paint(green, "ok")
	detail := step.Detail
	if step.Error != "" {
		mark, detail = p.paint(red, "failed"), step.Error
	}
	a.printf("%-10s %s: %s", step.Application, step.Name, mark)
	if detail != "" {
		a.printf(", %s", printable(detail, false))
	}
	a.printf(" (%.2fs)\n", step.Duration)
}
