package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/scaffold"
)

// newResult is what "new --json" prints.
type newResult struct {
	scaffold.Result
	// Next are the commands to go on with.
	Next []string `json:"next,omitempty"`
}

func newCommand(a *app) *cobra.Command {
	o := scaffold.Options{}
	list, noTidy := false, false
	cmd := &cobra.Command{
		Use:     "new web|api NAME",
		GroupID: develop,
		Short:   "Create an application from a template",
		Long: `Writes a small complete application: an http.Handler with its tests, launch profiles, a configuration for the host, a
Dockerfile and a systemd unit. NAME is the path of the new module, whose last element names the application. Nothing is ever
overwritten without --force. At the end "go mod tidy" completes go.mod, which may download modules.`,
		Example: "  lanner new web shop",
		Args: func(cmd *cobra.Command, args []string) error {
			if list {
				return arguments()(cmd, args)
			}
			return arguments("a template (see --list)", "a NAME")(cmd, args)
		},
		ValidArgsFunction: completeTemplates,
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return a.listTemplates()
			}
			o.Template, o.Name = args[0], args[1]
			result, err := scaffold.Generate(o)
			if err != nil {
				return err
			}
			if err := a.printNew(result); err != nil || o.DryRun || noTidy {
				return err
			}
			return a.tidy(cmd.Context(), result)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&list, "list", false, "list the templates")
	flags.StringVarP(&o.Dir, "output", "o", "", "write to `DIR` (default the last element of NAME)")
	flags.BoolVar(&o.Force, "force", false, "replace files that are there")
	flags.BoolVar(&o.DryRun, "dry-run", false, "say what would be written, write nothing")
	flags.StringVar(&o.Checkout, "lanner-path", "", "build against the checkout of Lanner in `DIR` (default the one this program was built from)")
	flags.BoolVar(&noTidy, "no-tidy", false, "do not complete go.mod")
	return cmd
}

func completeTemplates(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	if len(args) == 0 {
		for _, t := range scaffold.Templates() {
			found = append(found, cobra.CompletionWithDesc(t.Name, t.Summary))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) listTemplates() error {
	if a.json {
		return a.printJSON(scaffold.Templates())
	}
	t := table{head: []string{"TEMPLATE", "MAKES"}}
	for _, one := range scaffold.Templates() {
		t.add(text(one.Name, one.Summary)...)
	}
	t.write(a.stdout, a.painter(a.stdout))
	return nil
}

// printNew says what was written, and the next two commands.
func (a *app) printNew(result scaffold.Result) error {
	out := newResult{Result: result}
	if !result.DryRun {
		out.Next = []string{"cd " + result.Dir, "lanner run"}
	}
	if a.json {
		return a.printJSON(out)
	}
	p := a.painter(a.stdout)
	for _, f := range result.Files {
		verb := "created"
		switch {
		case result.DryRun && f.Replaced:
			verb = "would replace"
		case result.DryRun:
			verb = "would create"
		case f.Replaced:
			verb = "replaced"
		}
		a.printf("%s %s\n", p.paint(dim, verb), filepath.Join(result.Dir, f.Path))
	}
	a.printf("requires github.com/lannerhq/lanner %s\n", result.Lanner)
	if len(out.Next) > 0 {
		a.printf("\nnext:\n")
	}
	for _, command := range out.Next {
		a.printf("  %s\n", p.paint(bold, command))
	}
	return nil
}

// tidy completes go.mod. The application is there already, so a failure says how to go on.
func (a *app) tidy(parent context.Context, result scaffold.Result) error {
	return a.interruptible(parent, func(ctx context.Context) error {
		err := scaffold.Tidy(ctx, result.Dir, a.stderr)
		if err == nil || ctx.Err() != nil {
			return err
		}
		return &hintError{err, "the application is written; run \"go mod tidy\" in " + result.Dir + " when modules can be downloaded"}
	})
}
