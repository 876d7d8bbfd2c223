package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// startH2O is h2o with the answers as files, which is what it does without a program of its own.
func startH2O(w *workshop, r row, port int) ([]program, error) {
	dir, err := w.folder("h2o")
	if err != nil {
		return nil, err
	}
	user, secure := "", ""
	if os.Geteuid() == 0 {
		user = "user: root\n" // our folder is for nobody else
	}
	if r.ask.over.secure() {
		secure = fmt.Sprintf("  ssl:\n    certificate-file: %s\n    key-file: %s\n    minimum-version: TLSv1.3\n", w.cert, w.key)
	}
	file, err := w.file(filepath.Join(filepath.Base(dir), "h2o.conf"), fmt.Sprintf(`%snum-threads: %d
max-connections: %d
pid-file: %s/h2o.pid
listen:
  host: 127.0.0.1
  port: %d
%shosts:
  default:
    paths:
      /:
        file.dir: %s
`, user, w.cpus, min(maxOpenFiles(), idleTo+idleFree), dir, port, secure, w.site()))
	return []program{{name: "h2o", argv: []string{w.tools["h2o"], "-c", file}}}, err
}

// startNghttpd is the server of nghttp2, of files as well.
func startNghttpd(w *workshop, r row, port int) ([]program, error) {
	argv := []string{w.tools["nghttpd"], "-n", strconv.Itoa(w.cpus), "-a", "127.0.0.1", "-d", w.site()}
	if r.ask.over.secure() {
		argv = append(argv, strconv.Itoa(port), w.key, w.cert)
	} else {
		argv = append(argv, "--no-tls", strconv.Itoa(port))
	}
	return []program{{name: "nghttpd", argv: argv}}, nil
}
