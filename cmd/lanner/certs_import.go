package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host"
	"github.com/lannerhq/lanner/internal/host/control"
)

// importResult is what "certs import --json" prints.
type importResult struct {
	host.Imported
	// Shown says whether a running host shows it already.
	Shown bool `json:"shown"`
}

func certsImportCommand(a *app) *cobra.Command {
	passwordFile := ""
	cmd := &cobra.Command{
		Use:   "import NAME CERTIFICATE [KEY]",
		Short: "Put a certificate where a binding has its files",
		Long: `Checks a certificate as the host does, and writes it to the files that the binding for a host name has in the configuration; NAME is * for
the binding for all other names. CERTIFICATE is PEM with the chain behind it, and KEY its key, or a file with both, PEM or PKCS#12 (PFX). Each
certificate must be behind the one that it issued, match the key, be valid now and be for the names of all bindings with these files; only its
owner may read the key's file. Else nothing is written, and the exit code is 78.

The new files belong to the owner of the old ones, with mode 0600. A host that runs shows the certificate to new clients at once.`,
		Example: "  lanner certs import www.example.org fullchain.pem privkey.pem",
		Args:    arguments("NAME", "CERTIFICATE", "[KEY]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := host.Import{Name: args[0], Path: args[1]}
			if len(args) == 3 {
				in.KeyPath = args[2]
			}
			if passwordFile != "" {
				data, err := os.ReadFile(passwordFile)
				if err != nil {
					return err
				}
				in.Password = strings.TrimRight(string(data), "\r\n")
			}
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			imported, err := host.ImportCertificate(cfg, in)
			if err != nil {
				return err
			}
			return a.withHost(cmd, func(ctx context.Context, c *control.Client) error {
				_, err := c.RenewCertificate(ctx, imported.Path)
				refused, answered := errors.AsType[*control.Error](err)
				switch {
				case is[*control.NotReachableError](err), answered && refused.Status == http.StatusNotFound: // a file that is new in a folder
				case err != nil:
					return &hintError{err, "the files were written, and the host shows the certificate when it can read them"}
				}
				return a.printImported(importResult{*imported, err == nil})
			})
		},
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` with the password of PKCS#12")
	return cmd
}

func (a *app) printImported(r importResult) error {
	if a.json {
		return a.printJSON(r)
	}
	a.printf("%s: valid until %s, by %s\nwritten to %s\n", printable(strings.Join(r.Names, " "), false), date(r.NotAfter), printable(r.Issuer, false), r.Path)
	if r.KeyPath != r.Path {
		a.printf("written to %s\n", r.KeyPath)
	}
	if r.Shown {
		a.printf("the host shows it\n")
	} else {
		a.printf("a host that runs shows it in a few seconds\n")
	}
	return nil
}
