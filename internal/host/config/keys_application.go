package config

import (
	"strings"
	"time"
	"unicode"

	yaml "go.yaml.in/yaml/v4"
)

var stdoutObject = &object[Stdout]{
	name: "stdout",
	a:    "the output of an application",
	doc:  "The file for a worker's standard output and error.",
	fields: []field[Stdout]{
		key("file", func(o *Stdout) *string { return &o.File }, filePath("the path of a file"),
			"The file. Relative paths start from the folder of the configuration file.").
			orElse("in logs, named after site and path", func(*decoder, *Stdout) {}),
		key("maxSize", func(o *Stdout) *int64 { return &o.MaxSize }, size(4096, ""),
			"The size at which the file is rotated.").or("10MiB"),
		key("maxFiles", func(o *Stdout) *int { return &o.MaxFiles }, integer[int](1, 1000, ""),
			"How many files are kept, the current one included.").or("5"),
	},
}

var healthCheckObject = &object[HealthCheck]{
	name: "healthCheck",
	a:    "a health check",
	doc:  "Asks the application by GET; an answer below 500 is well.",
	fields: []field[HealthCheck]{
		key("path", func(h *HealthCheck) *string { return &h.Path },
			text("a path such as /healthz", "/healthz", `^/[^#\s]*$`, checkTarget),
			"The path to ask, below the application's own.").need(),
		key("interval", func(h *HealthCheck) *time.Duration { return &h.Interval }, duration(24*time.Hour, ""),
			"The time between two questions.").or("30s"),
		key("timeout", func(h *HealthCheck) *time.Duration { return &h.Timeout }, duration(time.Hour, ""),
			"The time for one answer.").or("5s"),
	},
	check: func(d *decoder, at string, k keys, h *HealthCheck) {
		if !k.usable("interval", "timeout") || h.Timeout <= h.Interval {
			return
		}
		name := "timeout"
		if !k.ok(name) {
			name = "interval"
		}
		d.fail(member(at, name), k.value[name], "make interval at least as long as timeout",
			"timeout (%s) is longer than interval (%s)", formatDuration(h.Timeout), formatDuration(h.Interval))
	},
}

// checkTarget accepts an origin-form request target (RFC 9112 section 3.2.1) that needs no further encoding.
func checkTarget(target string) *complaint {
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' || r == '\\' }
	if !strings.HasPrefix(target, "/") || strings.ContainsFunc(target, bad) {
		return &complaint{"is not a path that can be asked", "begin with / and encode blanks and other special characters, as in /health%20check"}
	}
	return nil
}

// checkPathBase accepts the path of an application. It is compared with decoded request paths, segment by segment.
func checkPathBase(path string) *complaint {
	if path == "/" {
		return nil
	}
	switch {
	case !strings.HasPrefix(path, "/"):
		return &complaint{"does not begin with a slash", "write /" + strings.Trim(short(path), "/")}
	case strings.Contains(path, "//"):
		return &complaint{"has an empty segment", "write one slash between two segments"}
	case strings.HasSuffix(path, "/"):
		return &complaint{"ends with a slash", "write " + strings.TrimSuffix(short(path), "/")}
	case strings.Contains(path, "%"):
		return &complaint{"contains %", "write the characters themselves, not their encoding"}
	case strings.ContainsFunc(path, func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(`?#\*`, r) }):
		return &complaint{`contains one of ? # \ * or a control character`, "write a plain path such as /api"}
	case len(path) > 1024:
		return &complaint{"is too long", "write at most 1024 octets"}
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "." || segment == ".." {
			return &complaint{"has a dot segment", "write the path without . and .."}
		}
	}
	return nil
}

var applicationObject = &object[Application]{
	name: "application",
	a:    "an application",
	doc:  "One program under a path of a site.",
	fields: []field[Application]{
		key("path", func(a *Application) *string { return &a.Path }, text("a path such as /api", "/api", `^/([^/?#%*\\]+(/[^/?#%*\\]+)*)?$`, checkPathBase),
			"The path under which it answers. The longest matching path wins.").or("/"),
		key("hosting", func(a *Application) *Hosting { return &a.Hosting },
			&enum[Hosting]{what: "a hosting model", words: []string{"inprocess", "outofprocess"}, values: []Hosting{InProcess, OutOfProcess}},
			"inprocess hands connections to a Go program that links Lanner; outofprocess forwards requests to any program that listens on a port.").need(),
		key("command", func(a *Application) *[]string { return &a.Command }, newCommand(),
			"The program and its arguments: a list of words, or one text that is split as a shell splits it. No shell is started.").needSaid(),
		key("directory", func(a *Application) *string { return &a.Directory }, filePath("the path of a folder"),
			"The working directory. Relative paths start from the folder of the configuration file.").
			orElse("the folder of the configuration file", func(d *decoder, a *Application) { a.Directory = d.dir }),
		key("environment", func(a *Application) *map[string]string { return &a.Environment }, environment(),
			"Variables for the workers."),
		key("stdout", func(a *Application) *Stdout { return &a.Stdout }, stdoutObject,
			"Where the standard output and error of the workers go."),
		key("requestTimeout", func(a *Application) *time.Duration { return &a.RequestTimeout }, duration(360*time.Hour, "no limit"),
			"How long an out-of-process application may be silent during a request. 0 means no limit.").or("2m"),
		key("forwardedHeaders", func(a *Application) *bool { return &a.ForwardedHeaders }, boolean(),
			"Adds X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host to forwarded requests.").or("true"),
		key("appOffline", func(a *Application) *bool { return &a.AppOffline }, boolean(),
			"Stops the application while a file app_offline.htm lies in its directory, and answers with that page.").or("true"),
		key("websockets", func(a *Application) *bool { return &a.WebSockets }, boolean(),
			"Lets WebSockets and other upgrades through.").or("true"),
		key("healthCheck", func(a *Application) **HealthCheck { return &a.HealthCheck }, pointer[HealthCheck]{healthCheckObject},
			"Asks the application whether it is well. Left out: no check."),
		key("protocol", func(a *Application) *Protocol { return &a.Protocol },
			&enum[Protocol]{what: "a protocol towards an application", words: []string{"http", "h2c"}, values: []Protocol{HTTP, H2C}},
			"What is spoken to an out-of-process application: http is HTTP/1.1, h2c is HTTP/2 without TLS, with prior knowledge, as gRPC needs it.").or("http"),
		key("pool", func(a *Application) *string { return &a.Pool }, poolOrReference(),
			"The name of a pool, or the keys of a pool of its own.").orElse("a pool of its own with all defaults", func(*decoder, *Application) {}),
	},
	check: func(d *decoder, at string, k keys, a *Application) {
		if k.ok("hosting") && k.ok("protocol") && k.value["protocol"] != nil && a.Hosting == InProcess && a.Protocol == H2C {
			d.fail(member(at, "protocol"), k.value["protocol"],
				"remove the line: an in-process application that has its binding for itself is reached by HTTP/2 as it is",
				"h2c is spoken to out-of-process applications, and this one is in-process")
		}
		if k.value["command"] != nil || k.meant["command"] {
			return
		}
		what, add := "an application", "add command: the program and its arguments"
		if k.ok("hosting") {
			what = map[Hosting]string{InProcess: "an in-process application", OutOfProcess: "an out-of-process application"}[a.Hosting]
		}
		if a.Hosting == InProcess {
			add = "add command: the Go program that links Lanner; the host starts it as a worker"
		}
		d.fail(member(at, "command"), k.node, add, `missing key "command" in %s`, what)
	},
}

// poolReference is the codec of an application's pool: the name of a declared one, or a pool of its own in place.
type poolReference struct{}

func poolOrReference() codec[string] { return poolReference{} }

func (poolReference) expects() string { return "the name of a pool, or the keys of a pool" }

func (poolReference) read(d *decoder, at string, n *yaml.Node) (string, bool) {
	if n.Kind == yaml.MappingNode {
		pool, ok := poolObject.read(d, at, n)
		d.pools[at] = &pool
		return "", ok
	}
	return poolName.read(d, at, n)
}

var poolName = text("the name of a pool", "web", nameForm, func(name string) *complaint {
	if wrong := checkName(name); wrong != nil {
		return &complaint{"is not the name of a pool", wrong.hint}
	}
	return nil
})

func (poolReference) show(s *shower, at string, name string) *yaml.Node {
	pool := s.config.Pools[name]
	if pool == nil || !pool.Own {
		return s.scalar(at, name, false, true)
	}
	return poolObject.show(s, at, *pool)
}

func (poolReference) schema(g definitions) schema {
	return schema{"anyOf": []schema{poolName.schema(g), poolObject.schema(g)}}
}

// ownPool is the name of the pool of an application that names none. It contains a slash, which no declared name does.
func ownPool(site, path string) string { return site + path }
