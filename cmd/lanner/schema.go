package main

import (
	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/config"
)

func schemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of lanner.yaml",
		Long: `Prints the JSON Schema of the configuration file. Editors use it to complete and to check; name it in the first line of
the file: # yaml-language-server: $schema=./lanner.schema.json`,
		Example: "  lanner schema > lanner.schema.json",
		Args:    arguments(),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(config.Schema())
			return err
		},
	}
}
