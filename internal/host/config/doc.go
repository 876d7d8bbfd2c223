// Package config reads lanner.yaml, the one file that tells lanner host what to run.
//
// A file is decoded strictly over the nodes of the YAML tree, so that every mistake in it is reported at once, each with
// its line and column, the line itself with a mark under the place, what is wrong and the way out. A JSON document is read
// by the same parser, because JSON is YAML.
//
// The order of reading: [Load], then source.go (bytes to lines), syntax.go (lines to nodes), the tables in keys_*.go driven
// by table.go (nodes to structs), complete.go (what is derived from the rest) and check.go (rules that span several
// places). The same tables write the schema for editors ([Schema]), the effective configuration ([Show]), the difference of two
// configurations ([Diff]) and the reference in docs/reference/configuration.md. A key is therefore added in one place.
//
// Values are never guessed from the machine: directories and certificates need not exist when the file is read, so that a
// configuration can be checked on another machine than the one it is for. Only ${file:...} opens a file.
package config
