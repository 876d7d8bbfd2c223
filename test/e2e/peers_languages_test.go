//go:build linux

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The programs of these tests are as their authors published them. They read PORT, and know nothing of Lanner.

const nodeSite = `
sites:
  files:
    bindings: [http://127.0.0.1:0]
    applications:
      - {path: /, hosting: outofprocess, command: [NODE, SCRIPT, PUBLIC], directory: DIR}
`

func TestHTTPServerOfNodeIsHostedUnchanged(t *testing.T) {
	node, script := needPeer(t, "node"), needNodePackage(t, "http-server/bin/http-server")
	public := t.TempDir()
	const text = "0123456789 a file that http-server serves\n"
	if err := os.WriteFile(filepath.Join(public, "hello.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r := startHost(t, strings.NewReplacer("NODE", node, "SCRIPT", script, "PUBLIC", public).Replace(nodeSite))

	ask := func(path string, fields ...string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest("GET", r.urls[0]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(fields); i += 2 {
			req.Header.Set(fields[i], fields[i+1])
		}
		return receive(t, r.client, req)
	}
	resp, body := ask("/hello.txt")
	if resp.StatusCode != 200 || body != text || resp.ContentLength != int64(len(text)) {
		t.Errorf("a file: %s %q of length %d", resp.Status, body, resp.ContentLength)
	}
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
		t.Errorf("its type is %q", kind)
	}
	// http-server dates its files for an hour's cache. The time and tag it gives come back to it as they were.
	if resp, body := ask("/hello.txt", "If-None-Match", resp.Header.Get("Etag"), "If-Modified-Since", resp.Header.Get("Last-Modified")); resp.StatusCode != 304 || body != "" {
		t.Errorf("the file has not changed: %s %q, want 304", resp.Status, body)
	}
	resp, body = ask("/hello.txt", "Range", "bytes=2-5")
	if resp.StatusCode != 206 || body != "2345" || resp.Header.Get("Content-Range") != "bytes 2-5/42" {
		t.Errorf("a part of it: %s %q, Content-Range %q", resp.Status, body, resp.Header.Get("Content-Range"))
	}
	if resp, _ := ask("/missing.txt"); resp.StatusCode != 404 {
		t.Errorf("a file that is not there: %s, want http-server's own 404", resp.Status)
	}
	if resp, body := ask("/"); resp.StatusCode != 200 || !strings.Contains(body, "hello.txt") {
		t.Errorf("the folder's listing: %s %q", resp.Status, firstWords(body))
	}
	wantNothingLeft(t, r)
}

func TestWebSocketsOfAProgramInNodeWork(t *testing.T) {
	node := needPeer(t, "node")
	needNodePackage(t, "ws/package.json")
	script, err := filepath.Abs("testdata/node/echo.js")
	if err != nil {
		t.Fatal(err)
	}
	r := startHost(t, strings.NewReplacer("NODE", node, "SCRIPT, PUBLIC", script).Replace(nodeSite))
	wantEcho(t, r.urls[0]+"/ws", nil)
	eventually(t, "the program hears with which code the client closed, and which it closed with itself", func() bool {
		_, codes := r.get("/closed")
		return strings.Contains(codes, "4002") && strings.Contains(codes, "4001")
	})
	wantNothingLeft(t, r)
}

func TestGunicornIsHostedUnchanged(t *testing.T) {
	r := startHost(t, strings.NewReplacer("NODE, SCRIPT, PUBLIC", needPeer(t, "gunicorn")+", 'wsgiref.simple_server:demo_app'").Replace(nodeSite))
	for range 3 { // gunicorn's worker closes each connection after its answer
		status, body := r.get("/a%20b?c=d")
		if status != 200 || !strings.HasPrefix(body, "Hello world!") {
			t.Fatalf("demo_app of Python's wsgiref: %d %q", status, firstWords(body))
		}
		for _, want := range []string{"PATH_INFO = '/a b'", "QUERY_STRING = 'c=d'", "HTTP_X_FORWARDED_FOR = '127.0.0.1:", "HTTP_X_FORWARDED_PROTO = 'http'"} {
			if !strings.Contains(body, want) {
				t.Errorf("the program sees no %s:\n%s", want, body)
			}
		}
	}
	wantNothingLeft(t, r)
}

// receive makes a request and returns the response with its whole body.
func receive(t *testing.T, c *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	return resp, readAll(t, resp.Body)
}

// wantNothingLeft stops the host and demands that the programs it ran, with all that they started, are gone.
func wantNothingLeft(t *testing.T, r *running) {
	t.Helper()
	var pids []int
	for _, s := range r.host.Status().Sites {
		for _, a := range s.Applications {
			for _, w := range a.Workers {
				pids = append(pids, tree(w.PID)...)
			}
		}
	}
	if len(pids) == 0 {
		t.Error("no program runs")
	}
	r.stop()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d outlives the host", pid)
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}
