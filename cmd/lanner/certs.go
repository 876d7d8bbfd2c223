package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/control"
)

func certsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "certs COMMAND",
		GroupID: operate,
		Short:   "Show, renew and replace the certificates of the host",
		Long:    "Shows the certificates that the host shows to clients of https, renews them and puts others in place. \"lanner dev-certs\" makes one for development.",
		Example: "  lanner certs list",
	}
	group(cmd)
	cmd.AddCommand(certsListCommand(a), certsShowCommand(a), certsRenewCommand(a), certsImportCommand(a))
	return cmd
}

func certsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List certificates, when they expire, and what is wrong with them",
		Long: `Lists every certificate that the running host shows: the names it is made for, who made it, when it expires, its file, and why the
file cannot be used as it is now, or why its authority has issued none. The exit code is 1 when one has expired or cannot be had or read
again, and 0 otherwise.`,
		Example: "  lanner certs list --json",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				list, err := c.Certificates(ctx)
				if err != nil {
					return err
				}
				return a.showCertificates(list)
			})
		},
	}
}

// showCertificates prints the list and returns its exit code.
func (a *app) showCertificates(list []control.Certificate) error {
	if a.json {
		if list == nil {
			list = []control.Certificate{}
		}
		if err := a.printJSON(map[string]any{"certificates": list}); err != nil {
			return err
		}
	} else {
		a.printCertificates(list)
	}
	code := exitOK
	for _, c := range list {
		if wrong(c) {
			code = exitDegraded
		}
	}
	return quietly(code)
}

func (a *app) printCertificates(list []control.Certificate) {
	if len(list) == 0 {
		a.printf("the host has no binding for https\n")
		return
	}
	t := table{head: []string{"ADDRESS", "NAMES", "ISSUER", "EXPIRES", "DAYS", "FILE", "ERROR"}}
	for _, c := range list {
		names := make([]string, len(c.Names))
		for i, name := range c.Names {
			names[i] = printable(name, false)
		}
		expires, days := "", ""
		if !c.NotAfter.IsZero() {
			expires, days = date(c.NotAfter), fmt.Sprint(c.DaysLeft)
		}
		row := text(c.Address, strings.Join(names, " "), printable(c.Issuer, false), expires)
		row = append(row, cell{days, daysColour(c.DaysLeft)}, cell{text: c.Path}, cell{printable(c.Error, false), red})
		t.add(row...)
	}
	t.write(a.stdout, a.painter(a.stdout))
}

// daysColour warns when the host's log does.
func daysColour(left int) colour {
	switch {
	case left < 1:
		return red
	case left < 30:
		return yellow
	}
	return green
}
