package config

import (
	"log/slog"
	"time"
)

// Config is a whole configuration with every default filled in. It comes from [Load] or [Parse] and must not be changed
// afterwards: two of them are compared by [Diff] when the file is loaded again.
type Config struct {
	// File is the absolute path of the file it was read from.
	File string

	// Pools holds the declared application pools by name, and one pool for every application that names none. Such a pool
	// is named after its site and path ("shop/", "shop/api"); a declared name cannot contain a slash, so they never meet.
	Pools map[string]*Pool

	// Sites holds the sites by name. There is at least one.
	Sites map[string]*Site

	Control Control
	Log     Log
	ACME    ACME

	// ShutdownTimeLimit bounds the stop of the whole host: running requests get this long, then they are cut.
	// Default 30s, the time the conventions give a graceful drain.
	ShutdownTimeLimit time.Duration

	// Logs is the absolute folder for the captured output of workers. Default: see defaultLogs in paths.go.
	Logs string

	// State is the absolute folder for what outlives the host: the keys of TLS session tickets, and ACME.Folder. Default: beside Logs, or
	// /var/lib/lanner for root.
	State string

	origins map[string]Origin
	written map[string]string
	locate  func(path, message, hint string) Problem
}

// Control says where the host listens for the lanner command.
type Control struct {
	// Socket is the path of the unix socket (a named pipe on Windows). Default: [DefaultControlSocket].
	Socket string
}

// Log says what the host writes to standard error about itself.
type Log struct {
	// Level is the lowest level that is written. Default info.
	Level slog.Level

	// Format is how a record is written. Default auto.
	Format LogFormat
}

// LogFormat is the form of the host's own log.
type LogFormat string

const (
	// LogAuto writes console lines to a terminal and JSON elsewhere.
	LogAuto LogFormat = "auto"
	// LogConsole writes lines for people.
	LogConsole LogFormat = "console"
	// LogJSON writes one JSON object a line.
	LogJSON LogFormat = "json"
)

// Refuse returns the error of a configuration that is right by itself and cannot be used, such as one with a certificate that has
// expired. Each problem needs its Path, Message and Hint; the rest is filled in.
func (c *Config) Refuse(problems ...Problem) *Errors {
	errs := &Errors{File: c.File}
	for _, p := range problems {
		if c.locate != nil {
			p = c.locate(p.Path, p.Message, p.Hint)
		}
		errs.add(p)
	}
	errs.result()
	return errs
}

// Origin returns where the value at path comes from, and whether the configuration has a value there. A path is written
// as in [Problem.Path]: "sites.shop.applications[0].requestTimeout".
func (c *Config) Origin(path string) (Origin, bool) {
	o, ok := c.origins[path]
	return o, ok
}
