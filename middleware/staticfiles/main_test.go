package staticfiles

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// long is when the files of tests were modified: long enough ago for their times to be trusted.
var long = time.Date(2020, 2, 3, 4, 5, 6, 700_000_000, time.UTC)

// clock is the time of a Files. It begins now, since the times of real files are compared with it.
type clock struct{ ahead atomic.Int64 }

var start = time.Now()

func (c *clock) now() time.Time          { return start.Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// tree makes a directory of files: name to content. A name that ends in a slash is a directory.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		put(t, root, name, content)
	}
	return root
}

// put writes a file in place, with its time long ago.
func put(t testing.TB, root, name, content string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	if strings.HasSuffix(name, "/") {
		must(t, os.MkdirAll(file, 0o755))
		return
	}
	must(t, os.WriteFile(file, []byte(content), 0o644))
	must(t, os.Chtimes(file, long, long))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func serve(t testing.TB, opts Options) *Files {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	files, err := New(opts)
	must(t, err)
	t.Cleanup(func() { must(t, files.Close()) })
	return files
}

// ask sends a request; fields are names and values.
func ask(h http.Handler, method, path string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func wantBody(t *testing.T, h http.Handler, path, want, why string) {
	t.Helper()
	if w := ask(h, "GET", path); w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("GET %s: %d %.60q, want 200 %.60q: %s", path, w.Code, w.Body, want, why)
	}
}

func wantStatus(t *testing.T, h http.Handler, path string, want int, why string) {
	t.Helper()
	if w := ask(h, "GET", path); w.Code != want {
		t.Errorf("GET %s: %d %.60q, want %d: %s", path, w.Code, w.Body, want, why)
	}
}
