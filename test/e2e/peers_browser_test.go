//go:build linux

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestARealBrowserShowsTheDemoAndItsWebSocketWorks(t *testing.T) {
	browser := needPeer(t, "chromium")
	node := needPeer(t, "node")
	bin := t.TempDir()
	if _, err := build(bin, "demo-site", "../../examples/demo/site"); err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs("../../examples/demo/lanner.yaml")
	if err != nil {
		t.Fatal(err)
	}
	port := itoa(quietPort(t))
	cmd := exec.Command(lannerCommand(t), "host", "--config", file)
	secure := itoa(quietPort(t))
	cmd.Env = append(newDevHome(t).env, "DEMO_PORT="+port, "DEMO_HTTPS_PORT="+secure, "DEMO_BIN="+bin, "DEMO_RUN="+t.TempDir(),
		"DEMO_LANGUAGE=node", "DEMO_RUNTIME="+node, "DEMO_SCRIPT=server.js")
	startChild(t, cmd).awaitPort("127.0.0.1:" + port)

	var page string
	eventually(t, "the page says that its WebSocket works", func() bool {
		page = browse(t, browser, "http://localhost:"+port+"/")
		return strings.Contains(page, "echoed: hello")
	})
	for _, want := range []string{"in-process", "HTTP/1.1"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the Go application has no %q:\n%s", want, page)
		}
	}
	if page := browse(t, browser, "http://localhost:"+port+"/node/"); !strings.Contains(page, "Out-of-process") {
		t.Errorf("the page of the Node application:\n%s", page)
	}
	if page := browse(t, browser, "https://localhost:"+secure+"/", "--ignore-certificate-errors"); !strings.Contains(page, "in-process") {
		t.Errorf("the page with the certificate for development:\n%s", page)
	}
}

// browse loads a page, runs its scripts for two seconds of the page's time, and returns what it has become.
func browse(t *testing.T, browser, url string, options ...string) string {
	t.Helper()
	return browseAs(t, os.Environ(), browser, url, options...)
}

// browseAs is browse with other variables, such as HOME. The browser speaks no QUIC.
func browseAs(t *testing.T, env []string, browser, url string, options ...string) string {
	t.Helper()
	return runBrowser(t, env, browser, url, append(options, "--disable-quic", "--virtual-time-budget=2000")...)
}

// runBrowser loads a page in a browser with a profile of its own, and returns what the page has become.
func runBrowser(t *testing.T, env []string, browser, url string, options ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), peerTimeout)
	defer cancel()
	profile := t.TempDir()
	args := append(options, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir="+profile,
		"--dump-dom", url)
	cmd := exec.CommandContext(ctx, browser, args...)
	cmd.Env = env
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, log.String())
	}
	return string(out)
}
