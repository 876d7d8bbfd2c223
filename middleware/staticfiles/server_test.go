package staticfiles_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/middleware/staticfiles"
	"github.com/lannerhq/lanner/server"
)

// start serves root by kestrel on loopback.
func start(t *testing.T, root string) (url string, client *http.Client) {
	t.Helper()
	files, err := staticfiles.New(staticfiles.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	h := files.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "application") }))
	srv := kestrel.New(kestrel.Options{Endpoints: []kestrel.Endpoint{{URL: "http://127.0.0.1:0"}}})
	if err := srv.Start(context.Background(), server.HTTP(h)); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := srv.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return srv.Addresses()[0], &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestKestrelServesFiles(t *testing.T) {
	root := t.TempDir()
	small, large := strings.Repeat("small.", 500), strings.Repeat("0123456789", 100_000)
	for name, content := range map[string]string{"small.txt": small, "large.bin": large, "a.js": small, "a.js.br": "compressed", "dir/index.html": "index"} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	url, client := start(t, root)
	tag := ""
	for _, tt := range []struct {
		method, path, field, value string
		status                     int
		body                       string
	}{
		{"GET", "/small.txt", "", "", 200, small},
		{"HEAD", "/small.txt", "", "", 200, ""},
		{"GET", "/large.bin", "", "", 200, large},
		{"HEAD", "/large.bin", "", "", 200, ""},
		{"GET", "/large.bin", "Range", "bytes=999990-", 206, "0123456789"},
		{"GET", "/large.bin", "Range", "bytes=1-900000", 206, large[1:900_001]},
		{"GET", "/small.txt", "Range", "bytes=9999-", 416, "416 range not satisfiable\n"},
		{"GET", "/a.js", "Accept-Encoding", "br", 200, "compressed"},
		{"GET", "/dir", "", "", 301, ""},
		{"GET", "/dir/", "", "", 200, "index"},
		{"GET", "/%2e%2e/%2e%2e/etc/passwd", "", "", 200, "application"},
		{"GET", "/none", "", "", 200, "application"},
		{"POST", "/small.txt", "", "", 200, "application"},
		{"GET", "/small.txt", "If-None-Match", "TAG", 304, ""},
	} {
		r, err := http.NewRequest(tt.method, url+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.field != "" {
			r.Header.Set(tt.field, strings.ReplaceAll(tt.value, "TAG", tag))
		}
		what := tt.method + " " + tt.path + " " + tt.value
		res, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != tt.status || string(body) != tt.body {
			t.Errorf("%s: %d with %d bytes, %v, want %d with %d", what, res.StatusCode, len(body), err, tt.status, len(tt.body))
		}
		if res.StatusCode == 200 && tt.method == "GET" && res.ContentLength != int64(len(tt.body)) {
			t.Errorf("%s: Content-Length %s, want %s", what, res.Header.Get("Content-Length"), strconv.Itoa(len(tt.body)))
		}
		if tt.path == "/small.txt" && res.Header.Get("Etag") != "" {
			tag = res.Header.Get("Etag")
		}
	}
}
