package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
)

// startTarget is test/target: Lanner's server by itself, or net/http with the same application.
func startTarget(api string, flags ...string) starter {
	return func(w *workshop, r row, port int) ([]program, error) {
		argv := append([]string{w.bin("target"), "-api", api, "-urls", r.ask.over.scheme() + "://" + hostPort(port)}, flags...)
		if r.ask.over.secure() {
			argv = append(argv, "-cert", w.cert, "-key", w.key)
		}
		return one(program{name: "target", argv: argv}.counted())
	}
}

// one is a server of a single program.
func one(p program, err error) ([]program, error) { return []program{p}, err }

// startApp is test/bench/app, the same program that is hosted elsewhere, by itself.
func startApp(api string, flags ...string) starter {
	return func(w *workshop, _ row, port int) ([]program, error) {
		return one(w.app(api, port, flags...).counted())
	}
}

func (w *workshop) app(api string, port int, flags ...string) program {
	argv := append([]string{w.bin("app"), "-api", api, "-files", w.files(), "-urls", local(port)}, flags...)
	return program{name: "app", argv: argv}
}

func startPeer(kind string) starter {
	return func(w *workshop, r row, port int) ([]program, error) {
		argv := []string{w.bin("peers"), kind, "-addr", hostPort(port), "-files", w.files()}
		switch {
		case r.ask.over == h2c:
			argv = append(argv, "-h2c")
		case r.ask.over.secure():
			argv = append(argv, "-cert", w.cert, "-key", w.key)
		}
		return one(program{name: kind, argv: argv}.counted())
	}
}

// startCeiling is a loop that answers without HTTP; its answer is the row's.
func startCeiling(w *workshop, r row, port int) ([]program, error) {
	body, err := w.file(r.name+".body", string(r.ask.want))
	if err != nil {
		return nil, err
	}
	argv := []string{w.bin("ceiling"), strconv.Itoa(port), strconv.Itoa(w.cpus), body}
	if load, ok := r.load.(wrk); ok && load.close {
		argv = append(argv, "close")
	}
	return []program{{name: "ceiling", argv: argv}}, nil
}

// startReverseProxy is the standard library's proxy in front of the application by itself.
func startReverseProxy(w *workshop, _ row, port int) ([]program, error) {
	return w.behind(func(upstream int) (program, error) {
		return program{name: "reverseproxy", argv: []string{w.bin("peers"), "reverseproxy", "-addr", hostPort(port), "-upstream", local(upstream)}}, nil
	})
}

// behind is the application by itself, and a proxy in front of it.
func (w *workshop) behind(proxy func(upstream int) (program, error)) ([]program, error) {
	upstream, err := freePort()
	if err != nil {
		return nil, err
	}
	front, err := proxy(upstream)
	return []program{w.app("http", upstream), front}, err
}

const (
	inProcess  = "inprocess"
	sharedHost = "one.test" // the name of the site that has the load, where two share a port
	otherHost  = "two.test"
)

// startHost is lanner host with the application as its worker: on a port of its own, or with a second site on the same port
// that answers to another name.
func startHost(hosting string, shared bool) starter {
	return func(w *workshop, _ row, port int) ([]program, error) {
		dir, err := w.folder("host")
		if err != nil {
			return nil, err
		}
		config, err := json.MarshalIndent(w.hostConfig(dir, hosting, shared, port), "", "  ")
		if err != nil {
			return nil, err
		}
		file, err := w.file(filepath.Join(filepath.Base(dir), "lanner.yaml"), string(config)) // JSON is read by the same parser
		if err != nil {
			return nil, err
		}
		return []program{{name: "host", argv: []string{w.bin("lanner"), "host", "--config", file}}}, nil
	}
}

func (w *workshop) hostConfig(dir, hosting string, shared bool, port int) any {
	type object = map[string]any
	site := func(host string) object {
		binding := object{"address": "127.0.0.1", "port": port}
		if host != "" {
			binding["host"] = host
		}
		return object{
			"bindings": []any{binding},
			"applications": []any{object{
				"hosting": hosting,
				"command": []string{w.bin("app"), "-api", "http", "-files", w.files()},
			}},
		}
	}
	sites := object{"bench": site("")}
	if shared {
		sites = object{"one": site(sharedHost), "two": site(otherHost)}
	}
	return object{
		"sites":             sites,
		"control":           object{"socket": filepath.Join(dir, "admin.sock")},
		"logs":              filepath.Join(dir, "logs"),
		"log":               object{"level": "warn"},
		"shutdownTimeLimit": "5s",
	}
}

func hostPort(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
func local(port int) string    { return "http://" + hostPort(port) }
