package config

import (
	"log/slog"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

var controlObject = &object[Control]{
	name: "control",
	a:    "the control endpoint",
	doc:  "Where the host listens for the lanner command.",
	fields: []field[Control]{
		key("socket", func(c *Control) *string { return &c.Socket }, socketFile(),
			"The path of the socket. Relative paths start from the folder of the configuration file.").
			orElse("$XDG_RUNTIME_DIR/lanner/admin.sock; /run/lanner/admin.sock for root", func(d *decoder, c *Control) {
				c.Socket = d.system.controlSocket()
			}),
	},
}

var logObject = &object[Log]{
	name: "log",
	a:    "the log of the host",
	doc:  "What the host writes to standard error about itself.",
	fields: []field[Log]{
		key("level", func(l *Log) *slog.Level { return &l.Level },
			&enum[slog.Level]{what: "a level", words: []string{"debug", "info", "warn", "error"},
				values: []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}},
			"The lowest level that is written.").or("info"),
		key("format", func(l *Log) *LogFormat { return &l.Format },
			&enum[LogFormat]{what: "a log format", words: []string{"auto", "console", "json"}, values: []LogFormat{LogAuto, LogConsole, LogJSON}},
			"auto writes lines for people to a terminal and JSON elsewhere.").or("auto"),
	},
}

// schemaReference lets an editor's $schema key stand in a JSON document.
type schemaReference struct{ *word[string] }

func editorSchema() codec[string] {
	return schemaReference{text("the address of a schema", "", "", nil)}
}

func (schemaReference) show(*shower, string, string) *yaml.Node { return nil }

var configObject = &object[Config]{
	name: "config",
	a:    "the configuration",
	doc:  "Everything lanner host runs.",
	fields: []field[Config]{
		key("$schema", func(c *Config) *string { return new(string) }, editorSchema(),
			"The address of lanner.schema.json, for editors. It is not used otherwise."),
		key("sites", func(c *Config) *map[string]*Site { return &c.Sites },
			&dict[*Site]{what: "a mapping of names to sites, such as web: {bindings: [http://127.0.0.1:8080], applications: [...]}", item: pointer[Site]{siteObject}, check: checkName, form: nameForm, some: true},
			"The sites by name.").need(),
		key("pools", func(c *Config) *map[string]*Pool { return &c.Pools },
			poolsByName(),
			"Application pools by name. An application that names none gets one of its own."),
		key("control", func(c *Config) *Control { return &c.Control }, controlObject,
			"Where the host listens for the lanner command."),
		key("acme", func(c *Config) *ACME { return &c.ACME }, acmeObject,
			"Where automatic certificates come from."),
		key("log", func(c *Config) *Log { return &c.Log }, logObject,
			"What the host writes to standard error about itself."),
		key("shutdownTimeLimit", func(c *Config) *time.Duration { return &c.ShutdownTimeLimit }, duration(time.Hour, "no grace"),
			"The time that running requests have when the host stops.").or("30s"),
		key("logs", func(c *Config) *string { return &c.Logs }, filePath("the path of a folder"),
			"The folder for the output of workers. Relative paths start from the folder of the configuration file.").
			orElse("$XDG_STATE_HOME/lanner/logs; /var/log/lanner for root", func(d *decoder, c *Config) {
				c.Logs = d.system.logs(d.dir)
			}),
		key("state", func(c *Config) *string { return &c.State }, filePath("the path of a folder"),
			"The folder for what outlives the host: the keys of TLS session tickets, and automatic certificates. Relative paths start from the folder of the configuration file.").
			orElse("$XDG_STATE_HOME/lanner; /var/lib/lanner for root", func(d *decoder, c *Config) {
				c.State = d.system.state(d.dir)
			}),
	},
}

func poolsByName() codec[map[string]*Pool] {
	return &declaredPools{dict[*Pool]{what: "a mapping of names to pools", item: pointer[Pool]{poolObject}, check: checkName, form: nameForm}}
}

// declaredPools leaves the pools of single applications out when it shows; they stand with their applications.
type declaredPools struct{ dict[*Pool] }

func (p *declaredPools) show(s *shower, at string, pools map[string]*Pool) *yaml.Node {
	declared := map[string]*Pool{}
	for name, pool := range pools {
		if !pool.Own {
			declared[name] = pool
		}
	}
	return p.dict.show(s, at, declared)
}
