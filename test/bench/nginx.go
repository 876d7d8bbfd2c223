package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// startNginx is nginx with answers of its own: texts from its configuration, files by sendfile with their descriptors cached.
func startNginx(w *workshop, r row, port int) ([]program, error) {
	limit := ""
	if l, ok := r.load.(slowClients); ok {
		limit = fmt.Sprintf("\n\t\tclient_header_timeout %d;", int(l.limit.Seconds()))
	}
	bytes := largeFile
	if len(r.ask.want) > len(pattern) {
		bytes = hugeFile
	}
	p, err := w.nginx(port, r.ask.over, limit+fmt.Sprintf(`
		location = /plaintext { default_type text/plain; return 200 "%s"; }
		location = /json { default_type application/json; return 200 '%s'; }
		location = /bytes { alias %s; }
		location /files/ { alias %s/; }
`, hello, helloJSON, filepath.Join(w.files(), bytes), w.files()))
	return []program{p}, err
}

// startNginxProxy is nginx in front of the application by itself, with connections to it kept.
func startNginxProxy(w *workshop, _ row, port int) ([]program, error) {
	return w.behind(func(upstream int) (program, error) {
		return w.nginx(port, http1, fmt.Sprintf(`
		location / {
			proxy_pass http://upstream_%d;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $remote_addr;
		}
`, upstream), fmt.Sprintf("upstream upstream_%[1]d { server 127.0.0.1:%[1]d; keepalive 64; keepalive_requests 1000000000; }", upstream))
	})
}

// nginx is nginx in a protocol, with this content of its server block, and other blocks before it.
func (w *workshop) nginx(port int, over protocol, server string, before ...string) (program, error) {
	dir, err := w.folder("nginx")
	if err != nil {
		return program{}, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // our folder is for nobody else
	}
	listen := ""
	switch over {
	case h2c:
		listen = " http2" // from 1.25.1 on a warning, and http2 on is the newer form
	case https:
		listen = " ssl"
		// crypto/tls prefers this cipher suite; nginx leaves the choice to the client, and wrk would like AES-256.
		server = "\n\t\tssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;\n\t\tssl_session_tickets on;" + server
	case h2:
		listen = " ssl http2"
	}
	if over.secure() {
		server = fmt.Sprintf("\n\t\tssl_certificate %s;\n\t\tssl_certificate_key %s;\n\t\tssl_protocols TLSv1.3;", w.cert, w.key) + server
	}
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "\t%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	config := fmt.Sprintf(`daemon off;
%s
worker_processes %d;
worker_rlimit_nofile %d;
pid %s/nginx.pid;
events { worker_connections %d; }
http {
	access_log off;
	sendfile on;
	open_file_cache max=1000;
	keepalive_timeout 600;
	keepalive_requests 1000000000;
%s	%s
	server {
		listen 127.0.0.1:%d%s backlog=4096;%s	}
}
`, user, w.cpus, maxOpenFiles(), dir, min(maxOpenFiles(), idleTo+idleFree), temporary.String(), strings.Join(before, "\n\t"), port, listen, server)
	file, err := w.file(filepath.Join(filepath.Base(dir), "nginx.conf"), config)
	return program{name: "nginx", argv: []string{w.tools["nginx"], "-p", dir, "-c", file, "-e", "stderr"}}, err
}
