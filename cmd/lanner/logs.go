package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/control"
)

func logsCommand(a *app) *cobra.Command {
	query := control.LogQuery{}
	tail := ""
	cmd := &cobra.Command{
		Use:     "logs SITE",
		GroupID: operate,
		Short:   "Show what the workers of a site print",
		Long: `Shows what the workers of a site print to standard output and error, each line with its application and worker. With
--json each line is one JSON object.`,
		Example:           "  lanner logs shop -f --tail 20",
		Args:              arguments("SITE"),
		ValidArgsFunction: a.completeSites,
		RunE: func(cmd *cobra.Command, args []string) error {
			query.Site = args[0]
			var err error
			if query.Tail, err = parseTail(tail); err != nil {
				return err
			}
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				return c.Logs(ctx, query, a.lineWriter())
			})
		},
	}
	cmd.Flags().BoolVarP(&query.Follow, "follow", "f", false, "go on with new lines until Ctrl-C")
	cmd.Flags().StringVar(&tail, "tail", strconv.Itoa(control.DefaultTail), "begin with the last `N` lines, or all")
	cmd.Flags().StringVar(&query.Application, "application", "", "only the application with this `PATH`")
	return cmd
}

func parseTail(text string) (int, error) {
	if text == "all" {
		return control.TailAll, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, &usageError{fmt.Sprintf("--tail is %q", text), "write a number of lines, or all"}
	}
	return n, nil
}

// lineWriter returns what prints a line.
func (a *app) lineWriter() func(control.LogLine) error {
	if a.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		return func(line control.LogLine) error { return enc.Encode(line) }
	}
	p := a.painter(a.stdout)
	return func(line control.LogLine) error {
		source := fmt.Sprintf("%s[%d]", line.Application, line.Worker)
		colour := dim
		if line.Stream == "stderr" {
			colour = yellow
		}
		_, err := fmt.Fprintf(a.stdout, "%s %s %s\n", line.Time.Local().Format(time.DateTime), p.paint(colour, source), printable(line.Text, p))
		return err
	}
}
