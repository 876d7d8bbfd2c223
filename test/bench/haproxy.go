package main

import (
	"fmt"
	"path/filepath"
)

// startHAProxy is haproxy in front of the application by itself, with connections to it kept and shared.
func startHAProxy(w *workshop, _ row, port int) ([]program, error) {
	return w.behind(func(upstream int) (program, error) {
		dir, err := w.folder("haproxy")
		if err != nil {
			return program{}, err
		}
		file, err := w.file(filepath.Join(filepath.Base(dir), "haproxy.cfg"), fmt.Sprintf(`global
	nbthread %d
	maxconn 4096
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	option http-keep-alive
	option forwardfor
	http-reuse always
frontend front
	bind 127.0.0.1:%d
	default_backend back
backend back
	server app 127.0.0.1:%d
`, w.cpus, port, upstream))
		return program{name: "haproxy", argv: []string{w.tools["haproxy"], "-db", "-f", file}}, err
	})
}
