package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/config"
)

// checkResult is what "config check --json" prints.
type checkResult struct {
	File     string           `json:"file"`
	Valid    bool             `json:"valid"`
	Problems []config.Problem `json:"problems"`
	// More counts the problems beyond those listed.
	More int `json:"more,omitempty"`
}

func configCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Short:   "Report every mistake in the configuration",
		Long:    "Reports every mistake in the configuration at once, each with its line, its column and the way out. Exits with 78 if there is one.",
		Example: "  lanner config check lanner.yaml",
		Args:    arguments("[FILE]"),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := a.findConfig(args)
			if err != nil {
				return err
			}
			cfg, err := config.Load(path)
			wrong, ok := errors.AsType[*config.Errors](err)
			switch {
			case err != nil && !ok:
				return err
			case a.json:
				return a.printCheck(path, wrong)
			case ok:
				fmt.Fprintln(a.stderr, wrong)
				return quietly(exitConfig)
			}
			applications := 0
			for _, site := range cfg.Sites {
				applications += len(site.Applications)
			}
			a.printf("%s is correct: %s, %s, %s\n", path, count(len(cfg.Sites), "site"),
				count(applications, "application"), count(len(cfg.Pools), "pool"))
			return nil
		},
	}
}

func (a *app) printCheck(path string, wrong *config.Errors) error {
	result := checkResult{File: path, Valid: wrong == nil, Problems: []config.Problem{}}
	if wrong == nil {
		return a.printJSON(result)
	}
	result.Problems, result.More = wrong.Problems, wrong.More
	if err := a.printJSON(result); err != nil {
		return err
	}
	return quietly(exitConfig)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
