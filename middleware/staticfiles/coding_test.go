package staticfiles

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// compressed is a root with a file in all codings. What it holds says which; smaller is better.
func compressed(t testing.TB) string {
	return tree(t, map[string]string{
		"app.js": letters(1000), "app.js.br": "br", "app.js.zst": "zstd.", "app.js.gz": "gzip..", "only.txt": letters(100), "only.txt.gz": "gzip",
		"big.js": letters(200_000), "big.js.gz": letters(100_000), "worse.txt": "tiny", "worse.txt.gz": "larger than tiny",
	})
}

func TestTheCodingIsTheOneTheClientPrefers(t *testing.T) {
	files := serve(t, Options{Root: compressed(t)})
	for _, tt := range []struct{ path, accept, want, why string }{
		{"/app.js", "none", "", "no Accept-Encoding field"},
		{"/app.js", "", "", "RFC 9110 §12.5.3: an empty field means that none is wanted"},
		{"/app.js", "gzip, deflate, br, zstd", "br", "the smallest at equal weight"},
		{"/app.js", "gzip", "gzip", "the only one"},
		{"/app.js", "x-gzip", "gzip", "RFC 9110 §8.4.1.3: the same"},
		{"/app.js", "GZIP ; Q=0.5", "gzip", "names are compared without case"},
		{"/app.js", "gzip;q=1, br;q=0.5", "gzip", "the greatest weight"},
		{"/app.js", "gzip;q=0.001, br;q=0", "gzip", "q=0 means not acceptable"},
		{"/app.js", "br;q=0, gzip;q=0, zstd;q=0", "", "none is acceptable"},
		{"/app.js", "*", "br", "any"},
		{"/app.js", "*;q=0.5, br;q=0", "zstd", "any but one"},
		{"/app.js", "gzip;q=0.5, identity", "", "the file itself is preferred"},
		{"/app.js", "gzip;q=0.5, identity;q=0.2", "gzip", "it is not"},
		{"/app.js", "identity;q=0", "", "nothing that is acceptable: better than 406"},
		{"/app.js", "deflate, compress", "", "what there is not"},
		{"/app.js", "gzip;q=2, br;q=x, zstd;q=0.1234", "", "weights that are none"},
		{"/app.js", "gzip;q=1.5", "", "more than one"},
		{"/app.js", ",, gzip ,", "gzip", "empty items are allowed"},
		{"/only.txt", "br, gzip", "gzip", "only that one exists"},
		{"/big.js", "gzip", "gzip", "a large one"},
		{"/worse.txt", "gzip, identity", "", "the file itself is as welcome, and smaller"},
	} {
		fields := []string{"Accept-Encoding", tt.accept}
		if tt.accept == "none" {
			fields = nil
		}
		w := ask(files, "GET", tt.path, fields...)
		if got := w.Header().Get("Content-Encoding"); w.Code != 200 || got != tt.want {
			t.Errorf("%s, Accept-Encoding %q: %d, coding %q, want %q: %s", tt.path, tt.accept, w.Code, got, tt.want, tt.why)
		}
		if got := w.Header().Get("Vary"); got != "Accept-Encoding" {
			t.Errorf("%s, Accept-Encoding %q: Vary %q, want Accept-Encoding: the answer depends on it", tt.path, tt.accept, got)
		}
		if tt.path == "/app.js" && (tt.want != "" && !strings.HasPrefix(w.Body.String(), tt.want) || w.Header().Get("Content-Type") != "text/javascript; charset=utf-8") {
			t.Errorf("%s, Accept-Encoding %q: body %.20q of type %s", tt.path, tt.accept, w.Body, w.Header().Get("Content-Type"))
		}
	}
}

func TestEachCodingHasItsOwnValidator(t *testing.T) {
	files := serve(t, Options{Root: compressed(t)})
	for _, target := range []string{"/app.js", "/big.js"} {
		plain := ask(files, "GET", target).Header().Get("Etag")
		w := ask(files, "GET", target, "Accept-Encoding", "gzip")
		if tag := w.Header().Get("Etag"); tag == plain || tag == "" {
			t.Errorf("%s has the tag %s in gzip and %s without: they are different bytes (RFC 9110 §8.8.3.3)", target, tag, plain)
		}
		if w := ask(files, "GET", target, "Accept-Encoding", "gzip", "If-None-Match", plain); w.Code != 200 {
			t.Errorf("%s: the plain file's tag gets %d in gzip, want 200", target, w.Code)
		}
		w = ask(files, "GET", target, "Accept-Encoding", "gzip", "If-None-Match", w.Header().Get("Etag"))
		if w.Code != 304 || w.Header().Get("Vary") == "" || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v, want 304 with Vary (RFC 9110 §15.4.5)", target, w.Code, w.Header())
		}
		w = ask(files, "GET", target, "Accept-Encoding", "gzip", "Range", "bytes=1-2")
		if w.Code != 206 || w.Body.Len() != 2 || w.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d %q %v, want two bytes of the compressed form", target, w.Code, w.Body, w.Header())
		}
	}
}

func TestACompressedFileOlderThanItsOriginalIsNotUsed(t *testing.T) {
	var log bytes.Buffer
	root := compressed(t)
	var c clock
	files := serve(t, Options{Root: root, Now: c.now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	put(t, root, "app.js", "edited")
	must(t, os.Chtimes(filepath.Join(root, "app.js"), long.Add(time.Minute), long.Add(time.Minute)))
	w := ask(files, "GET", "/app.js", "Accept-Encoding", "br")
	if w.Body.String() != "edited" || w.Header().Get("Vary") != "" {
		t.Errorf("served %q, want the edited file: the compressed ones are of the one before", w.Body)
	}
	if !strings.Contains(log.String(), "file=app.js.br original=app.js") {
		t.Errorf("the log is %q, want that the compressed file is too old", log.String())
	}
	must(t, os.Chtimes(filepath.Join(root, "app.js.br"), long.Add(time.Minute), long.Add(time.Minute)))
	c.advance(time.Second)
	if got := ask(files, "GET", "/app.js", "Accept-Encoding", "br").Header().Get("Content-Encoding"); got != "br" {
		t.Errorf("coding %q, want br: it was made anew", got)
	}
}

func TestCompressedFilesAreIgnoredWhenToldSo(t *testing.T) {
	files := serve(t, Options{Root: compressed(t), IgnorePrecompressed: true})
	if w := ask(files, "GET", "/app.js", "Accept-Encoding", "br"); w.Header().Get("Content-Encoding") != "" || w.Header().Get("Vary") != "" {
		t.Errorf("got %v, want the file itself", w.Header())
	}
	wantBody(t, files, "/app.js.br", "br", "by its own name it is a file like others")
}
