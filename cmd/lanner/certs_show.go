package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/control"
)

func certsShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show everything about a certificate of the host",
		Long: `Shows what the running host shows for a host name, or from a file: the names, who made it, how long it is valid, its key, the chain,
the OCSP response and the files; and why it cannot be read or ordered again. The exit code is 1 when something is wrong with it.`,
		Example: "  lanner certs show www.example.org",
		Args:    arguments("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				list, err := c.Certificate(ctx, args[0])
				if err != nil {
					return err
				}
				return a.showDetails(list)
			})
		},
		ValidArgsFunction: a.completeCertificates,
	}
}

func certsRenewCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "renew NAME",
		Short: "Order a certificate again at once, or read its files again",
		Long: `Has the running host order the automatic certificate for a host name again, whether it is due or not, and waits until it is there. For a
certificate from files it reads the files again, as it does by itself when they change. On an error the old certificate is shown; the exit code
is 78 when files cannot be used, 1 when an authority has issued nothing.`,
		Example: "  lanner certs renew www.example.org",
		Args:    arguments("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				list, err := c.RenewCertificate(ctx, args[0])
				if err != nil {
					return err
				}
				return a.showRenewals(list)
			})
		},
		ValidArgsFunction: a.completeCertificates,
	}
}

func (a *app) showDetails(list []control.CertificateDetail) error {
	if a.json {
		if err := a.printJSON(map[string]any{"certificates": list}); err != nil {
			return err
		}
	}
	code := exitOK
	for i, c := range list {
		if !a.json {
			if i > 0 {
				a.printf("\n")
			}
			a.printDetail(c)
		}
		if wrong(c.Certificate) {
			code = exitDegraded
		}
	}
	return quietly(code)
}

// wrong reports whether a certificate has expired, or cannot be had or read again.
func wrong(c control.Certificate) bool { return c.Error != "" || c.DaysLeft < 0 }

func (a *app) printDetail(c control.CertificateDetail) {
	p := a.painter(a.stdout)
	line := func(name, text string, of colour) {
		if text != "" {
			a.printf("  %-12s %s\n", name, p.paint(of, printable(text, false)))
		}
	}
	a.printf("%s\n", p.paint(bold, printable(c.Address, false)))
	line("names", strings.Join(c.Names, " "), plain)
	line("source", sourceInWords(c.Source), plain)
	if len(c.Chain) > 0 {
		line("issuer", c.Issuer, plain)
		line("valid", fmt.Sprintf("%s until %s, %d days left", date(c.Chain[0].NotBefore), date(c.NotAfter), c.DaysLeft), daysColour(c.DaysLeft))
		line("key", c.Key, plain)
	}
	line("file", c.Path, plain)
	line("key file", c.KeyPath, plain)
	ocsp := c.OCSP.Status
	if !c.OCSP.NextUpdate.IsZero() {
		ocsp += ", until " + date(c.OCSP.NextUpdate)
	}
	line("OCSP", cmp.Or(ocsp, "none"), plain)
	if !c.NextAttempt.IsZero() {
		line("next order", date(c.NextAttempt), plain)
	}
	line("error", c.Error, red)
	for i, link := range c.Chain {
		line(fmt.Sprintf("chain %d", i+1), cmp.Or(link.Subject, strings.Join(link.Names, " ")), plain)
		line("", "issued by "+link.Issuer+", "+link.Signature, dim)
		line("", date(link.NotBefore)+" until "+date(link.NotAfter)+", "+link.Key, dim)
		line("", "serial "+link.Serial, dim)
		line("", "SHA-256 "+link.SHA256, dim)
	}
}

func date(t time.Time) string { return t.Local().Format(time.DateTime) }

func sourceInWords(s control.Source) string {
	switch s {
	case control.SourceACME:
		return "an authority, by ACME"
	case control.SourceDevelopment:
		return "lanner dev-certs"
	}
	return "files"
}

func (a *app) showRenewals(list []control.Renewal) error {
	if a.json {
		return a.printJSON(map[string]any{"certificates": list})
	}
	for _, r := range list {
		what := "nothing has changed, it is valid"
		if r.Changed {
			what = "another certificate is shown, valid"
		}
		a.printf("%s %s: %s until %s, by %s\n", printable(r.Address, false), printable(strings.Join(r.Names, " "), false), what, date(r.NotAfter), printable(r.Issuer, false))
	}
	return nil
}
