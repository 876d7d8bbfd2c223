//go:build linux

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestNodeOnHTTP2(t *testing.T) {
	node := needPeer(t, "node")
	s := startHTTP2(t)
	for url, protocol := range map[string]string{s.plain: "h2c", s.secure: "h2"} {
		out, told := peerOutput(t, node, filepath.Join("testdata", "node", "http2.js"), url)
		want := `{"protocol":"` + protocol + `","lengths":50,"sum":true,"interim":[100],"trailer":"5 <nil> by Node","head":["1000",0],"pinged":true,` +
			`"socket":{"status":200,"text":"hello from Node"}}`
		if strings.TrimSpace(out) != want {
			t.Errorf("%s: got  %s, want %s\n%s", protocol, out, want, told)
		}
	}
	if c := s.counts(t); len(c.Connects) != 2 {
		t.Errorf("the server has seen extended CONNECTs on %v, want one on each connection", c.Connects)
	}
}

// needPythonModules finds Debian's Python with the modules of its packages.
func needPythonModules(t *testing.T, modules ...string) string {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import "+strings.Join(modules, ", ")).Run(); err != nil {
		missingPeer(t, python+" with the modules "+strings.Join(modules, " and "))
	}
	return python
}

func TestPythonOnHTTP2(t *testing.T) {
	python := needPythonModules(t, "httpx", "h2")
	s := startHTTP2(t)
	s.both(t, func(t *testing.T, url string) {
		out, told := peerOutput(t, python, filepath.Join("testdata", "python", "http2.py"), url, s.certificate)
		const want = `{"versions": ["HTTP/2"], "lengths": 50, "sum": true, "head": ["1000", 0], "lines": ["held"]}`
		if strings.TrimSpace(out) != want {
			t.Errorf("got  %s, want %s\n%s", out, want, told)
		}
	})
}
