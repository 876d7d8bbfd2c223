package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build describes this program.
type build struct {
	Version string `json:"version"`
	// Commit is the revision it was built from, with "+dirty" if files were changed; empty if it is not known.
	Commit string `json:"commit,omitempty"`
	Go     string `json:"go"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
}

func thisBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			b.Commit = setting.Value + b.Commit
		case setting.Key == "vcs.modified" && setting.Value == "true":
			b.Commit += "+dirty"
		}
	}
	return b
}

func version() string { return thisBuild().Version }

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version",
		Long:    "Shows the version of this program, the Go release it was built with, and the system it was built for.",
		Example: "  lanner version --json",
		Args:    arguments(),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if a.json {
				return a.printJSON(b)
			}
			a.printf("lanner %s (%s, %s/%s)\n", b.Version, b.Go, b.OS, b.Arch)
			if b.Commit != "" {
				a.printf("commit %s\n", b.Commit)
			}
			return nil
		},
	}
}
