package staticfiles

import (
	"embed"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestMiddlewareLeavesToTheApplicationWhatIsNoFile(t *testing.T) {
	files := serve(t, Options{Root: guarded(t)})
	h := files.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "application: "+r.Method+" "+r.URL.Path)
	}))
	wantBody(t, h, "/ok.txt", "ok", "a file")
	wantBody(t, h, "/none", "application: GET /none", "no file")
	wantBody(t, h, "/.env", "application: GET /.env", "a hidden file")
	wantBody(t, h, "/dir/", "application: GET /dir/", "a directory without an index is not listed")
	wantBody(t, h, "/", "application: GET /", "the root has no index either")
	if w := ask(h, "POST", "/ok.txt"); w.Body.String() != "application: POST /ok.txt" {
		t.Errorf("POST: %d %q, want the application: it may have a form there", w.Code, w.Body)
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	files := serve(t, Options{Root: guarded(t)})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "get"} {
		if w := ask(files, method, "/ok.txt"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q, want 405 and GET, HEAD", method, w.Code, w.Header().Get("Allow"))
		}
	}
	if w := ask(files, "HEAD", "/ok.txt"); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "2" {
		t.Errorf("HEAD: %d %q %v, want the head of a GET", w.Code, w.Body, w.Header())
	}
}

func TestAPrefixIsCut(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "a", "index.html": "index", "dir/index.html": "dir"})
	for _, prefix := range []string{"/static", "/static/"} {
		files := serve(t, Options{Root: root, Prefix: prefix})
		for range 2 { // cold and from memory
			wantBody(t, files, "/static/a.txt", "a", "below the prefix")
			wantBody(t, files, "/static/", "index", "the prefix itself")
			wantBody(t, files, "/x/../static/./a.txt", "a", "dot segments are resolved first")
			for _, target := range []string{"/a.txt", "/statica.txt", "/static/../a.txt", "/", "/static/../static2/a.txt"} {
				wantStatus(t, files, target, 404, "it is not below the prefix")
			}
		}
		for target, want := range map[string]string{"/static": "static/", "/static?q=1": "static/?q=1", "/static/dir": "dir/"} {
			if w := ask(files, "GET", target); w.Code != 301 || w.Header().Get("Location") != want {
				t.Errorf("%s: %d to %q, want 301 to %q", target, w.Code, w.Header().Get("Location"), want)
			}
		}
	}
}

func TestStripPrefixWorksWithAndWithoutASlash(t *testing.T) {
	files := serve(t, Options{Root: tree(t, map[string]string{"a.txt": "a", "index.html": "index"})})
	wantBody(t, http.StripPrefix("/static/", files), "/static/a.txt", "a", "the path is a.txt")
	wantBody(t, http.StripPrefix("/static", files), "/static/a.txt", "a", "the path is /a.txt")
	wantBody(t, http.StripPrefix("/static/", files), "/static/", "index", "the path is empty")
}

func TestCacheControlIsThatOfTheFirstRuleThatMatches(t *testing.T) {
	files := serve(t, Options{
		Root:         tree(t, map[string]string{"index.html": "i", "assets/a.js": "a", "assets/deep/b.css": "b", "js/c.js": "c", "d.txt": "d"}),
		CacheControl: []CacheRule{{"assets/", "public, max-age=31536000, immutable"}, {"*.html", "no-cache"}, {"js/*.js", "max-age=60"}},
	})
	for target, want := range map[string]string{
		"/": "no-cache", "/assets/a.js": "public, max-age=31536000, immutable", "/assets/deep/b.css": "public, max-age=31536000, immutable",
		"/js/c.js": "max-age=60", "/d.txt": "",
	} {
		w := ask(files, "GET", target)
		if got := w.Header().Get("Cache-Control"); w.Code != 200 || got != want {
			t.Errorf("%s: %d, Cache-Control %q, want %q", target, w.Code, got, want)
		}
		w = ask(files, "GET", target, "If-None-Match", w.Header().Get("Etag"))
		if got := w.Header().Get("Cache-Control"); w.Code != 304 || got != want {
			t.Errorf("%s: %d, Cache-Control %q, want 304 and %q (RFC 9110 §15.4.5)", target, w.Code, got, want)
		}
	}
	if got := ask(files, "GET", "/assets/a.js", "Range", "bytes=9-").Header().Get("Cache-Control"); got != "" {
		t.Errorf("Cache-Control %q in a 416, want none: it is no answer to keep", got)
	}
}

func TestContentTypesAndNoSniff(t *testing.T) {
	files := serve(t, Options{
		Root:         tree(t, map[string]string{"a.html": "x", "b.page": "x", "c.PAGE": "x", "d": "<html>", "e.js": "1"}),
		ContentTypes: map[string]string{".page": "text/x-page", ".html": "application/x-mine"}, NoSniff: true,
	})
	for target, want := range map[string]string{"/a.html": "application/x-mine", "/b.page": "text/x-page", "/c.PAGE": "text/x-page",
		"/d": "text/html; charset=utf-8", "/e.js": "text/javascript; charset=utf-8"} {
		h := ask(files, "GET", target).Header()
		if h.Get("Content-Type") != want || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q, %q, want %q and nosniff", target, h.Get("Content-Type"), h.Get("X-Content-Type-Options"), want)
		}
	}
}

//go:embed doc.go
var embedded embed.FS

func TestEmbeddedFilesAreImmutable(t *testing.T) {
	files := serve(t, Options{FS: embedded, MaxFileSize: -1})
	w := ask(files, "GET", "/doc.go")
	tag := w.Header().Get("Etag")
	if w.Code != 200 || tag == "" || w.Header().Get("Last-Modified") != "" {
		t.Errorf("%d %v, want a tag made from the content: embedded files have no time", w.Code, w.Header())
	}
	if w := ask(files, "GET", "/doc.go", "If-None-Match", tag); w.Code != 304 {
		t.Errorf("If-None-Match: %d, want 304", w.Code)
	}
	if w := ask(files, "GET", "/doc.go", "Range", "bytes=0-9"); w.Code != 206 || w.Body.String() != "// Package" {
		t.Errorf("Range: %d %q, want its first ten bytes", w.Code, w.Body)
	}
	fsys := inMemory(map[string]string{"a.txt": "a"})
	var c clock
	files = serve(t, Options{FS: fsys, Immutable: true, Now: c.now})
	wantBody(t, files, "/a.txt", "a", "it is there")
	stats := fsys.stats.Load()
	c.advance(time.Hour)
	wantBody(t, files, "/a.txt", "a", "it is there")
	if fsys.stats.Load() != stats {
		t.Error("an immutable file system was asked whether it changed")
	}
}

func TestALargeFileWithoutATimeHasNoValidator(t *testing.T) {
	files := serve(t, Options{FS: fstest.MapFS{"a.txt": {Data: []byte(letters(100_000))}}})
	w := ask(files, "GET", "/a.txt", "If-None-Match", `""`, "If-Modified-Since", "Mon, 03 Feb 2020 04:05:06 GMT")
	if w.Code != 200 || w.Header().Get("Etag") != "" || w.Header().Get("Last-Modified") != "" {
		t.Errorf("%d %v, want 200 without validators: its size alone proves nothing", w.Code, w.Header())
	}
	if w := ask(files, "GET", "/a.txt", "If-Match", `"x"`); w.Code != 412 {
		t.Errorf("If-Match: %d, want 412: no tag can match", w.Code)
	}
}

// unseekable is a file system like that of archive/zip.
type unseekable struct{ fs.FS }

func (u unseekable) Open(name string) (fs.File, error) {
	file, err := u.FS.Open(name)
	return struct{ fs.File }{file}, err
}

func TestAFileThatCannotSeekIsServedWhole(t *testing.T) {
	files := serve(t, Options{FS: unseekable{fstest.MapFS{"a.txt": {Data: []byte(letters(100_000)), ModTime: long}}}})
	if w := ask(files, "GET", "/a.txt", "Range", "bytes=5-9"); w.Code != 200 || w.Body.String() != letters(100_000) {
		t.Errorf("%d with %d bytes, want 200 and all: a server may ignore Range", w.Code, w.Body.Len())
	}
}

// readerFrom is a ResponseWriter of a server that sends files by itself.
type readerFrom struct {
	header http.Header
	status int
	from   io.Reader
}

func (w *readerFrom) Header() http.Header         { return w.header }
func (w *readerFrom) WriteHeader(status int)      { w.status = status }
func (w *readerFrom) Write(p []byte) (int, error) { return len(p), nil }
func (w *readerFrom) ReadFrom(r io.Reader) (int64, error) {
	w.from = r
	return io.Copy(io.Discard, r)
}

func TestALargeFileIsLeftToTheServerToSend(t *testing.T) {
	files := serve(t, Options{Root: tree(t, map[string]string{"a.bin": letters(100_000)})})
	for _, field := range []string{"", "bytes=5-50000"} {
		r, err := http.NewRequest("GET", "/a.bin", nil)
		must(t, err)
		if field != "" {
			r.Header.Set("Range", field)
		}
		w := &readerFrom{header: http.Header{}}
		files.ServeHTTP(w, r)
		limited, ok := w.from.(*io.LimitedReader)
		if !ok || w.status == 0 || w.header.Get("Content-Length") == "" || w.header.Get("Content-Type") == "" {
			t.Fatalf("Range %q: the server got %T, status %d, %v, want a limited reader after the head", field, w.from, w.status, w.header)
		}
		if _, ok := limited.R.(*os.File); !ok {
			t.Errorf("Range %q: the reader is around a %T, want the *os.File: only that can go by sendfile", field, limited.R)
		}
	}
}

func TestWhatIsNoRegularFileIsNotOpened(t *testing.T) {
	fsys := inMemory(map[string]string{"pipe": "x"})
	fsys.MapFS["pipe"].Mode = fs.ModeNamedPipe
	files := serve(t, Options{FS: fsys})
	wantStatus(t, files, "/pipe", 404, "reading a named pipe would wait for a writer")
	if fsys.opens.Load() != 0 {
		t.Error("it was opened")
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	root := t.TempDir()
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{}, "set one of Options.Root and Options.FS"},
		{Options{Root: root, FS: embedded}, "set one of Options.Root and Options.FS"},
		{Options{Root: filepath.Join(root, "none")}, "cannot open the root"},
		{Options{Root: root, Prefix: "static"}, "write it like /static"},
		{Options{Root: root, Prefix: "/a/../b"}, "write it like /static"},
		{Options{Root: root, Index: []string{"a/b"}}, "write it like index.html"},
		{Options{Root: root, CacheControl: []CacheRule{{"[", "x"}}}, "cannot be understood"},
		{Options{Root: root, CacheControl: []CacheRule{{"*", "a\nb"}}}, "cannot be sent as Cache-Control"},
		{Options{Root: root, ContentTypes: map[string]string{"html": "x"}}, "write it like .webmanifest"},
		{Options{Root: root, ContentTypes: map[string]string{".x": "a\r\n"}}, "cannot be sent as Content-Type"},
	} {
		files, err := New(tt.opts)
		if err == nil {
			files.Close()
			t.Errorf("New(%+v) succeeded, want an error that says %q", tt.opts, tt.want)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New: %v, want an error that says %q", err, tt.want)
		}
	}
}

func TestSharedHeaderValuesAreNotChangedByAdd(t *testing.T) {
	files := serve(t, Options{Root: compressed(t)})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files.ServeHTTP(adding{w}, r)
	})
	for range 2 {
		if got := ask(h, "GET", "/app.js").Header()["Vary"]; len(got) != 2 || got[0] != "Accept-Encoding" || got[1] != "Cookie" {
			t.Errorf("Vary %q, want our value and the added one", got)
		}
	}
	if got := ask(files, "GET", "/app.js").Header()["Vary"]; len(got) != 1 {
		t.Errorf("Vary %q, want ours alone", got)
	}
}

// adding adds a header value before the response begins.
type adding struct{ http.ResponseWriter }

func (w adding) Write(p []byte) (int, error) {
	w.Header().Add("Vary", "Cookie")
	return w.ResponseWriter.Write(p)
}
