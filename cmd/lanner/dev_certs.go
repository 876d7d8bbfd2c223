package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/devcert"
)

// The exit codes of dev-certs, which are those of "dotnet dev-certs".
const (
	exitNotAllTrust = 4 // a store did not take the authority
	exitNoValidCert = 6
	exitNotTrusted  = 7
	exitNotClean    = 8 // a store still has the authority
)

// devCertsResult is what "dev-certs https --json" prints.
type devCertsResult struct {
	devcert.State
	// Change is "created", "renewed" or "removed", if something was done.
	Change devcert.Change `json:"change,omitempty"`
	Valid  bool           `json:"valid"`
	// Trusted says that all stores trust the certificate, of which there is one at least.
	Trusted  bool            `json:"trusted"`
	Stores   []devcert.Trust `json:"stores"`
	Exported []string        `json:"exported,omitempty"`
}

// removed is the Change of --clean.
const removed devcert.Change = "removed"

// devCerts are the flags of the command.
type devCerts struct {
	trust, check, clean, quiet      bool
	export, format, password, store string
	hasFormat, hasPassword          bool
}

func devCertsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dev-certs COMMAND",
		GroupID: develop,
		Short:   "Manage the certificate for development",
		Long:    "Manages the certificate with which programs serve https on this computer while they are developed.",
		Example: "  lanner dev-certs https --trust",
	}
	group(cmd)
	cmd.AddCommand(devCertsHTTPSCommand(a))
	return cmd
}

func devCertsHTTPSCommand(a *app) *cobra.Command {
	o := devCerts{}
	cmd := &cobra.Command{
		Use:   "https",
		Short: "Create, trust, check, export or remove the certificate for https://localhost",
		Long: `Creates a certificate for localhost, *.dev.localhost, 127.0.0.1 and ::1, by an authority of your own that can sign for
nothing else, or renews it, and shows where it is and who trusts it. Only --trust and --clean change what is trusted; they never
ask for root's rights, but print the command that needs them.

Exit codes: 0 success, 4 a store of authorities did not take the authority, 6 (--check) there is no valid certificate,
7 (--check) it is not trusted everywhere, 8 a store still has the authority; otherwise as all commands.`,
		Example: "  lanner dev-certs https --trust",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.hasFormat, o.hasPassword = cmd.Flags().Changed("format"), cmd.Flags().Changed("password")
			o.format = strings.ToLower(o.format) // .NET's users write Pem
			if err := o.validate(a); err != nil {
				return err
			}
			return a.interruptible(cmd.Context(), func(ctx context.Context) error { return a.devCerts(ctx, o) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.trust, "trust", false, "have the browsers and the system trust the authority; with --check, do nothing more")
	flags.BoolVar(&o.check, "check", false, "change nothing, say by the exit code whether the certificate is valid and trusted")
	flags.BoolVar(&o.clean, "clean", false, "remove the certificate, the authority and all trust in it")
	flags.StringVar(&o.store, "store", "", "limit --trust and --check to one `KIND` of stores: system or browsers")
	flags.StringVar(&o.export, "export", "", "write the certificate and its key to `PATH`, for containers and other computers")
	flags.StringVar(&o.format, "format", "", "`FORMAT` of the export: pem or pfx (default by the name: pfx for .pfx and .p12)")
	flags.StringVar(&o.password, "password", "", "encrypt the exported key with `PASSWORD`; - reads it from the first line of standard input")
	flags.BoolVar(&o.quiet, "quiet", false, "print nothing but errors")
	cmd.RegisterFlagCompletionFunc("store", cobra.FixedCompletions(words(devcert.Kinds), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(words(formats), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var formats = []devcert.Format{devcert.PEM, devcert.PFX}

func words[T ~string](list []T) (out []string) {
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// validate finds what cannot be meant.
func (o *devCerts) validate(a *app) error {
	leaveOut := func(message string) error { return &usageError{message, "leave one of them out"} }
	switch {
	case o.clean && (o.trust || o.check || o.export != "" || o.store != ""):
		return leaveOut("--clean removes everything and goes with no other")
	case o.check && o.export != "":
		return leaveOut("--check changes nothing, --export writes files")
	case o.quiet && a.json:
		return leaveOut("--quiet and --json contradict each other")
	case o.export == "" && (o.hasFormat || o.hasPassword):
		return &usageError{"--format and --password are of --export", "add --export PATH"}
	case o.store != "" && !contains(devcert.Kinds, o.store):
		return unknownWord("--store", o.store, words(devcert.Kinds))
	case o.hasFormat && !contains(formats, o.format):
		return unknownWord("--format", o.format, words(formats))
	case a.getenv("SUDO_UID") != "" && os.Geteuid() == 0:
		return &usageError{"sudo would make a certificate for root", "call it without sudo: it prints the commands that need root"}
	}
	return nil
}

func contains[T ~string](list []T, word string) bool {
	for _, v := range list {
		if string(v) == word {
			return true
		}
	}
	return false
}

func unknownWord(flag, word string, known []string) error {
	hint := didYouMean(word, known)
	if hint == "" {
		hint = "write " + strings.Join(known, " or ")
	}
	return &usageError{fmt.Sprintf("%s is %q", flag, word), hint}
}

// devCerts does what the flags say, and prints the outcome even when a store makes it fail.
func (a *app) devCerts(ctx context.Context, o devCerts) error {
	m, err := devcert.Default()
	if err != nil {
		return err
	}
	var kinds []devcert.Kind
	if o.store != "" {
		kinds = append(kinds, devcert.Kind(o.store))
	}
	result, failure := devCertsResult{}, exitNotAllTrust
	switch {
	case o.clean:
		failure = exitNotClean
		result.Stores, err = m.Clean(ctx)
		result.Change = removed
	case o.check:
		failure = exitNotTrusted
		result.Stores, err = m.Trusted(ctx, kinds...)
	case o.trust:
		result.Change, result.Stores, err = m.Trust(ctx, kinds...)
	default:
		failure = exitOK // a store that cannot be looked at is shown
		if _, result.Change, err = m.Ensure(ctx); err == nil {
			result.Stores, err = m.Trusted(ctx, kinds...)
		}
	}
	if err != nil && !errors.Is(err, devcert.ErrIncomplete) {
		return err
	}
	incomplete := err != nil
	if result.State, err = m.State(); err != nil {
		return err
	}
	if o.export != "" {
		if result.Exported, err = a.exportDevCert(ctx, m, o); err != nil {
			return err
		}
	}
	result.Valid, result.Trusted = result.State.Valid(), trustedByAll(result.Stores)
	if err := a.printDevCerts(o, result); err != nil {
		return err
	}
	switch {
	case o.check && !result.Valid:
		return quietly(exitNoValidCert)
	case o.check && !result.Trusted:
		return quietly(exitNotTrusted)
	case o.trust && len(result.Stores) == 0:
		return noStores(o, m.Paths())
	case incomplete:
		return quietly(failure)
	}
	return nil
}

func trustedByAll(stores []devcert.Trust) bool {
	for _, s := range stores {
		if !s.Trusted {
			return false
		}
	}
	return len(stores) > 0
}

// noStores is the error of --trust when there is nobody to ask for it.
func noStores(o devCerts, paths devcert.Paths) error {
	what := "store of authorities"
	if o.store != "" {
		what = o.store + " store"
	}
	return &exitError{exitNotAllTrust, &hintError{fmt.Errorf("there is no %s here to trust the certificate", what),
		"give clients the authority, such as curl --cacert " + paths.Root}}
}

func (a *app) exportDevCert(ctx context.Context, m *devcert.Manager, o devCerts) ([]string, error) {
	format := devcert.FormatOf(o.export)
	if o.hasFormat {
		format = devcert.Format(o.format)
	}
	password := o.password
	if password == "-" {
		line, err := bufio.NewReader(io.LimitReader(a.stdin, 64<<10)).ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("cannot read the password from standard input: %w", err)
		}
		password = strings.TrimRight(line, "\r\n")
	}
	files, err := m.Export(ctx, o.export, format, password)
	if hint, ok := errors.AsType[*devcert.HintError](err); ok {
		err = &hintError{hint.Err, hint.Hint}
	}
	return files, err
}
