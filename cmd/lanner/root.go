package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

// newRoot puts all commands together.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "lanner",
		Short: "Run, host and control web applications",
		Long: `Lanner is a web server platform for Go: write an ordinary http.Handler once; where it is deployed decides
which server carries it, not its code.

Exit codes: 0 success, 1 failure, 2 mistake in the call, 69 no host answers, 75 try again later, 77 not allowed,
78 mistake in the configuration, 130 and 143 ended by SIGINT and SIGTERM. "lanner status", "lanner run" and
"lanner dev-certs" have codes of their own.`,
		Example:       "  lanner new web shop && cd shop && lanner run",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if _, err := a.logger(config.Log{}); err != nil {
				return err
			}
			a.entered = true
			return nil
		},
	}
	a.globalFlags(root.PersistentFlags())
	group(root)
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: develop, Title: "Develop:"}, &cobra.Group{ID: operate, Title: "Operate:"})
	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		newCommand(a), runCommand(a), devCertsCommand(a),
		hostCommand(a), statusCommand(a), recycleCommand(a), stopCommand(a), startCommand(a), reloadCommand(a), logsCommand(a), certsCommand(a),
		configCommand(a), schemaCommand(a), versionCommand(a),
	)
	return root
}

// helpCommand replaces that of cobra, which does not mind an unknown command.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND...]",
		Short:   "Show the help of a command",
		Long:    "Shows the help of a command, as --help does.",
		Example: "  lanner help config check",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return unknownCommand(about, rest[0])
			}
			return about.Help()
		},
	}
}

// The groups of commands in the help.
const (
	develop = "develop"
	operate = "operate"
)

func (a *app) globalFlags(flags *pflag.FlagSet) {
	flags.StringVar(&a.configFile, "config", "", "configuration `FILE` (default $LANNER_CONFIG, ./lanner.yaml, ...)")
	flags.StringVar(&a.socket, "socket", "", "control socket `PATH` of the host (default control.socket of the configuration)")
	flags.StringVar(&a.logLevel, "log-level", "", "lowest `LEVEL` to log: debug, info, warn or error")
	flags.StringVar(&a.logFormat, "log-format", "", "`FORMAT` of the log: auto, console, json or logfmt")
	flags.BoolVar(&a.json, "json", false, "write JSON for programs")
	flags.BoolVar(&a.noColor, "no-color", false, "write no colours (also $NO_COLOR)")
}

// group makes a command that only holds others: alone it prints its help, and a word that is none of them is a mistake.
func group(cmd *cobra.Command) {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

func unknownCommand(parent *cobra.Command, word string) error {
	var known []string
	for _, sub := range parent.Commands() {
		if !sub.Hidden {
			known = append(known, sub.Name())
		}
	}
	hint := didYouMean(word, known)
	if hint == "" {
		hint = "see " + parent.CommandPath() + " --help"
	}
	return &usageError{fmt.Sprintf("unknown command %q of %s", word, parent.CommandPath()), hint}
}

// flagError explains a flag that cannot be.
func flagError(cmd *cobra.Command, err error) error {
	hint := "see " + cmd.CommandPath() + " --help"
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return &usageError{err.Error(), hint}
	}
	name, flags := unknown.GetSpecifiedName(), names(cmd.Flags())
	if near := control.Nearest(name, flags); near != "" && len(unknown.GetSpecifiedShortnames()) == 0 {
		hint = fmt.Sprintf("did you mean --%s?", near)
	}
	if cmd.Name() == "run" {
		hint += " (the program's own arguments come after --)"
	}
	return &usageError{err.Error(), hint}
}

func names(flags *pflag.FlagSet) []string {
	var found []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			found = append(found, f.Name)
		}
	})
	return found
}

// arguments checks the number of arguments. form names them, as in the Use of the command; those in [brackets] may be
// left out.
func arguments(form ...string) cobra.PositionalArgs {
	required := 0
	for _, f := range form {
		if !strings.HasPrefix(f, "[") {
			required++
		}
	}
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < required:
			return &usageError{fmt.Sprintf("%s needs %s", cmd.CommandPath(), form[len(args)]), "usage: " + cmd.UseLine()}
		case len(args) > len(form):
			return &usageError{fmt.Sprintf("%s does not know what to do with %q", cmd.CommandPath(), args[len(form)]), "usage: " + cmd.UseLine()}
		}
		return nil
	}
}
