// Command lanner runs, hosts and controls web applications. docs/reference/cli.md lists its commands.
//
// One file holds one command, and no more than: its words, its flags, and the call of the package that does the work.
// root.go puts them together, exit.go turns errors into exit codes, output.go and table.go write for people and programs.
package main
