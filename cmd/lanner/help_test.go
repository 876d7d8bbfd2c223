package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// commands returns our commands, parents before children. Those of cobra itself are not ours.
func commands(t *testing.T) []*cobra.Command {
	t.Helper()
	root := newRoot(newCall().app)
	root.InitDefaultHelpCmd()
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		all = append(all, cmd)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return all
}

func TestEveryCommandHasAHelpTextWithAnExample(t *testing.T) {
	for _, cmd := range commands(t) {
		if cmd.Short == "" || cmd.Long == "" || !strings.HasPrefix(cmd.Example, "  lanner ") {
			t.Errorf("%s: short, long and an example that can be typed are there", cmd.CommandPath())
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		out, errs, code := lanner(args...)
		if code != 0 || errs != "" {
			t.Errorf("%s --help: exit code %d, %s", cmd.CommandPath(), code, errs)
		}
		golden(t, "help/"+strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".txt", out)
	}
}

func TestEveryCommandTakesJSON(t *testing.T) {
	for _, cmd := range commands(t) {
		if cmd.InheritedFlags().Lookup("json") == nil && cmd.PersistentFlags().Lookup("json") == nil {
			t.Errorf("%s has no --json", cmd.CommandPath())
		}
	}
}

func TestReferenceOfTheCommandsIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "reference", "cli.md")
	got := reference(commands(t))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("docs/reference/cli.md is written by go test ./cmd/lanner -update (-file +commands):\n%s", diff)
	}
}

// reference writes the commands as Markdown.
func reference(all []*cobra.Command) string {
	var b strings.Builder
	b.WriteString("# The lanner command\n\n<!-- Written by go test ./cmd/lanner -update from the commands themselves. -->\n\n")
	for _, cmd := range all {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", cmd.CommandPath(), strings.ReplaceAll(cmd.CommandPath(), " ", "-"), cmd.Short)
	}
	for _, cmd := range all {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", cmd.CommandPath(), cmd.Long)
		if cmd.HasParent() {
			fmt.Fprintf(&b, "    %s\n\n", cmd.UseLine())
		}
		fmt.Fprintf(&b, "Example:\n\n  %s\n", cmd.Example)
		title, flags := "Flags", cmd.LocalFlags()
		if !cmd.HasParent() {
			title = "Flags of all commands"
		}
		if usages := flags.FlagUsages(); usages != "" {
			fmt.Fprintf(&b, "\n%s:\n\n```\n%s```\n", title, usages)
		}
	}
	return b.String()
}

func TestMistakesInTheCallAreExplained(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"staus", "unknown command \"staus\" of lanner\n  help: did you mean \"status\"?"},
		{"xyzzy", "unknown command \"xyzzy\" of lanner\n  help: see lanner --help"},
		{"config chek", "unknown command \"chek\" of lanner config\n  help: did you mean \"check\"?"},
		{"help staus", "unknown command \"staus\" of lanner\n  help: did you mean \"status\"?"},
		{"status --jsn", "unknown flag: --jsn\n  help: did you mean --json?"},
		{"status -x", "unknown shorthand flag: 'x' in -x\n  help: see lanner status --help"},
		{"logs shop --tail", "flag needs an argument: --tail\n  help: see lanner logs --help"},
		{"logs shop --tail -3", "--tail is \"-3\"\n  help: write a number of lines, or all"},
		{"recycle", "lanner recycle needs SITE\n  help: usage: lanner recycle SITE [flags]"},
		{"recycle a b", "lanner recycle does not know what to do with \"b\"\n  help: usage: lanner recycle SITE [flags]"},
		{"version --log-level loud", "--log-level is \"loud\"\n  help: write debug, info, warn or error"},
		{"version --log-format xml", "--log-format is \"xml\"\n  help: write auto, console, json or logfmt"},
		{"new", "lanner new needs a template (see --list)\n  help: usage: lanner new web|api NAME [flags]"},
		{"new wbe shop", "there is no template \"wbe\", only web and api\n  help: did you mean \"web\"?"},
		{"new web ../shop", "\"../shop\" cannot be the name of an application\n  help: use letters, digits, dots, dashes and underscores, such as shop or example.org/shop"},
		{"run a b", "lanner run does not know what to do with \"b\"\n  help: the program's own arguments come after --"},
		{"run --verbos", "unknown flag: --verbos\n  help: see lanner run --help (the program's own arguments come after --)"},
		{"run -c relase", "--configuration is \"relase\"\n  help: did you mean \"release\"?"},
		{"run --profile a --no-launch-profile", "--profile and --no-launch-profile contradict each other\n  help: leave one of them out"},
		{"dev-certs htps", "unknown command \"htps\" of lanner dev-certs\n  help: did you mean \"https\"?"},
		{"dev-certs https --clean --trust", "--clean removes everything and goes with no other\n  help: leave one of them out"},
		{"dev-certs https --check --export a.pem", "--check changes nothing, --export writes files\n  help: leave one of them out"},
		{"dev-certs https --format pfx", "--format and --password are of --export\n  help: add --export PATH"},
		{"dev-certs https --export a --format pgx", "--format is \"pgx\"\n  help: did you mean \"pfx\"?"},
		{"dev-certs https --trust --store all", "--store is \"all\"\n  help: write system or browsers"},
		{"config show --running x.yaml", "--running asks the host and takes no file\n  help: leave one of them out"},
	} {
		out, errs, code := lanner(strings.Fields(c.args)...)
		want(t, c.args, code, exitUsage, errs, "lanner: "+c.want+"\n")
		if out != "" {
			t.Errorf("%s: standard output is for results: %q", c.args, out)
		}
	}
}

func TestErrorsAreJSONForPrograms(t *testing.T) {
	_, errs, code := lanner("--json", "new", "wbe", "shop")
	want(t, "a mistake", code, exitUsage, errs,
		`{"error":{"message":"there is no template \"wbe\", only web and api","hint":"did you mean \"web\"?","code":2}}`+"\n")
}
