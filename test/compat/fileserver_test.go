package compat

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFileServer(t *testing.T) {
	dir := t.TempDir()
	large := pattern(5 << 20)
	modified := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, content := range map[string][]byte{"large.bin": large, "page.html": []byte("<p>hello</p>"), "site/index.html": []byte("index"),
		"list/b & c.txt": []byte("x"), "list/a.txt": []byte("0123456789")} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	date := modified.Format(http.TimeFormat)
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(http.StripPrefix("/files", http.FileServer(http.Dir(dir))))
		page := s.get(t, "/files/page.html")
		page.want(t, "a file", 200, "<p>hello</p>")
		page.wantField(t, "by its name", "Content-Type", "text/html; charset=utf-8")
		page.wantField(t, "by its time", "Last-Modified", date)
		for range 3 { // the connection stays in step after sendfile
			whole := s.get(t, "/files/large.bin")
			if whole.StatusCode != 200 || whole.ContentLength != int64(len(large)) || sha256.Sum256([]byte(whole.body)) != sha256.Sum256(large) {
				t.Fatalf("a large file: %d, %d of %d bytes, or other content", whole.StatusCode, len(whole.body), len(large))
			}
		}
		part := s.get(t, "/files/large.bin", "Range", "bytes=1000000-3999999")
		if part.StatusCode != 206 || !bytes.Equal([]byte(part.body), large[1000000:4000000]) {
			t.Errorf("a range: %d, %d bytes, want those asked for", part.StatusCode, len(part.body))
		}
		part.wantField(t, "which part it is", "Content-Range", "bytes 1000000-3999999/5242880")
		s.get(t, "/files/list/a.txt", "Range", "bytes=-3").want(t, "the last bytes", 206, "789")
		s.get(t, "/files/list/a.txt", "Range", "bytes=50-").want(t, "a range beyond the end", 416, "invalid range: failed to overlap\n")
		many := s.get(t, "/files/list/a.txt", "Range", "bytes=0-1,8-9")
		if many.StatusCode != 206 || !strings.HasPrefix(many.Header.Get("Content-Type"), "multipart/byteranges") || !strings.Contains(many.body, "\r\n\r\n89\r\n") {
			t.Errorf("two ranges: %d %q %q", many.StatusCode, many.Header.Get("Content-Type"), many.body)
		}
		s.get(t, "/files/list/a.txt", "Range", "bytes=0-1", "If-Range", date).want(t, "If-Range holds", 206, "01")
		s.get(t, "/files/page.html", "If-Modified-Since", date).want(t, "not modified", 304, "")
		s.get(t, "/files/page.html", "If-Unmodified-Since", modified.Add(-time.Hour).Format(http.TimeFormat)).want(t, "modified", 412, "")
		head := s.do(t, "HEAD", "/files/large.bin", nil)
		head.want(t, "HEAD has no body", 200, "")
		head.wantField(t, "HEAD has the length", "Content-Length", "5242880")
		s.get(t, "/files/site/").want(t, "an index", 200, "index")
		s.get(t, "/files/site").wantField(t, "a folder without a slash", "Location", "site/")
		s.get(t, "/files/site/index.html").wantField(t, "an index by its name", "Location", "./")
		list := s.get(t, "/files/list/")
		if list.StatusCode != 200 || !strings.Contains(list.body, `<a href="b%20&%20c.txt">b &amp; c.txt</a>`) {
			t.Errorf("a directory listing: %d %q", list.StatusCode, list.body)
		}
		s.get(t, "/files/nothing").want(t, "no file", 404, "404 page not found\n")
		s.get(t, "/files/../../etc/passwd").want(t, "a way out of the folder", 404, "404 page not found\n")
		s.get(t, "/elsewhere").want(t, "another prefix", 404, "404 page not found\n")
	})
}

func TestAClientThatLeavesADownloadHarmsNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.bin")
	if err := os.WriteFile(path, pattern(5<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	onHTTP1(t, func(t *testing.T, serve func(http.Handler) *site) {
		returned := make(chan struct{}, 1)
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, path)
			returned <- struct{}{}
		}))
		c := s.dial(t)
		c.printf(t, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		res := c.head(t, "GET")
		if _, err := io.CopyN(io.Discard, res.Body, 100_000); err != nil {
			t.Fatal(err)
		}
		c.Close()
		wait(t, returned, "ServeFile returns")
		if whole := s.get(t, "/"); len(whole.body) != 5<<20 {
			t.Errorf("the next client gets %d bytes", len(whole.body))
		}
	})
}
