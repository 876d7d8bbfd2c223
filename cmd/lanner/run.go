package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/devcert"
	"github.com/lannerhq/lanner/internal/launch"
)

func runCommand(a *app) *cobra.Command {
	o := launch.Options{}
	configuration := ""
	cmd := &cobra.Command{
		Use:     "run [DIR|PACKAGE|FILE.go|BINARY] [-- ARGS...]",
		GroupID: develop,
		Short:   "Build and run a program with a launch profile",
		Long: `Builds a Go program, or takes a program that is built already, and runs it in the current folder. A launch profile, from
lanner.launch.yaml or Properties/launchSettings.json next to the program or above it in its module, gives it addresses,
arguments and variables; LANNER_ENV is Development unless something says otherwise.

Ctrl-C goes to the program, the second one ends it at once. The exit code is the program's own.`,
		Example: "  lanner run ./cmd/shop --profile staging -- --verbose",
		Args:    runArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.Configuration, err = parseConfiguration(configuration); err != nil {
				return err
			}
			if o.NoProfile && o.Profile != "" {
				return &usageError{"--profile and --no-launch-profile contradict each other", "leave one of them out"}
			}
			o.Target, o.Args = splitAtDash(cmd, args)
			signals, stop := a.notify(runSignals()...)
			defer stop()
			o.Stdin, o.Stdout, o.Stderr, o.Signals, o.Tell = a.stdin, a.stdout, a.stderr, signals, a.teller()
			o.DevCertificate = devCertificate
			code, err := launch.Run(o)
			if err != nil {
				return err
			}
			return quietly(code)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Profile, "profile", "", "launch profile `NAME` (default the first one)")
	flags.StringVar(&o.Profile, "launch-profile", "", "same as --profile `NAME`")
	flags.BoolVar(&o.NoProfile, "no-launch-profile", false, "use no launch profile")
	flags.StringArrayVarP(&o.Env, "env", "e", nil, "set a variable, `NAME=VALUE`; wins over the profile")
	flags.StringVarP(&configuration, "configuration", "c", string(launch.Debug), "build `HOW`: debug or release")
	flags.BoolVar(&o.Browser, "browser", false, "open the profile's launchUrl when the program listens")
	return cmd
}

// devCertificate makes the certificate for https on this computer, if one of the hosts is this computer and there is none, and returns where it
// is when it has made one.
func devCertificate(ctx context.Context, hosts []string) (made string, err error) {
	if !slices.ContainsFunc(hosts, devcert.Loopback) {
		return "", nil
	}
	m, err := devcert.Default()
	if err != nil {
		return "", err
	}
	_, change, err := m.Ensure(ctx)
	if err != nil || change == devcert.Unchanged {
		return "", err
	}
	return m.Paths().Cert, nil
}

func runArguments(cmd *cobra.Command, args []string) error {
	before := cmd.ArgsLenAtDash()
	if before < 0 {
		before = len(args)
	}
	if before > 1 {
		return &usageError{fmt.Sprintf("lanner run does not know what to do with %q", args[1]), "the program's own arguments come after --"}
	}
	return nil
}

func splitAtDash(cmd *cobra.Command, args []string) (target string, rest []string) {
	dash := cmd.ArgsLenAtDash()
	if dash < 0 {
		dash = len(args)
	}
	if dash > 0 {
		target = args[0]
	}
	return target, args[dash:]
}

func parseConfiguration(text string) (launch.Configuration, error) {
	c := launch.Configuration(strings.ToLower(text))
	if c != launch.Debug && c != launch.Release {
		hint := didYouMean(text, []string{string(launch.Debug), string(launch.Release)})
		if hint == "" {
			hint = "write debug or release"
		}
		return "", &usageError{fmt.Sprintf("--configuration is %q", text), hint}
	}
	return c, nil
}

// teller returns what prints, on standard error, what happens before the program speaks for itself.
func (a *app) teller() func(launch.Event) {
	if a.json {
		enc := json.NewEncoder(a.stderr)
		return func(e launch.Event) { enc.Encode(e) }
	}
	p := a.painter(a.stderr)
	say := func(format string, args ...any) {
		fmt.Fprintln(a.stderr, p.paint(dim, fmt.Sprintf(format, args...)))
	}
	return func(e launch.Event) {
		switch e.Name {
		case launch.EventProfile:
			say("profile %s of %s: %s", e.Profile, filepath.Base(e.File), strings.Join(e.URLs, " "))
		case launch.EventCertificate:
			say("made a certificate for https on this computer, %s; \"lanner dev-certs https --trust\" has browsers trust it", e.Certificate)
		case launch.EventBuilding:
			say("building %s", e.Target)
		case launch.EventBuilt:
			say("built in %.2fs", e.Duration)
		case launch.EventStopping:
			say("stopping; Ctrl-C again ends it at once")
		case launch.EventBrowser:
			say("%s", e.Problem)
		}
	}
}
