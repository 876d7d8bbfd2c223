package staticfiles

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestChangesAreServedWithinTheSecond(t *testing.T) {
	for _, tt := range []struct {
		what, path string
		change     func(t *testing.T, root string)
		status     int
		body       string
	}{
		{"written in place", "/a.txt", func(t *testing.T, root string) { write(t, root, "a.txt", "changed") }, 200, "changed"},
		{"replaced by a file of the same size and time", "/a.txt", func(t *testing.T, root string) {
			put(t, root, "tmp", "b")
			must(t, os.Rename(filepath.Join(root, "tmp"), filepath.Join(root, "a.txt")))
		}, 200, "b"},
		{"removed", "/a.txt", func(t *testing.T, root string) { must(t, os.Remove(filepath.Join(root, "a.txt"))) }, 404, ""},
		{"made", "/new.txt", func(t *testing.T, root string) { put(t, root, "new.txt", "new") }, 200, "new"},
		{"made a directory", "/a.txt", func(t *testing.T, root string) {
			must(t, os.Remove(filepath.Join(root, "a.txt")))
			put(t, root, "a.txt/index.html", "x")
		}, 301, ""},
		{"an index that is looked for earlier", "/", func(t *testing.T, root string) { put(t, root, "index.html", "earlier") }, 200, "earlier"},
		{"a large file that became small", "/large.txt", func(t *testing.T, root string) { write(t, root, "large.txt", "small") }, 200, "small"},
		{"a small file that became large", "/a.txt", func(t *testing.T, root string) { write(t, root, "a.txt", letters(100_000)) }, 200, letters(100_000)},
		{"its directory moved away", "/dir/a.txt", func(t *testing.T, root string) {
			must(t, os.Rename(filepath.Join(root, "dir"), filepath.Join(root, "gone")))
		}, 404, ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			root := tree(t, map[string]string{"a.txt": "a", "large.txt": letters(100_000), "default.htm": "later", "dir/a.txt": "a"})
			var c clock
			files := serve(t, Options{Root: root, Index: []string{"index.html", "default.htm"}, Now: c.now})
			before := ask(files, "GET", tt.path)
			tt.change(t, root)
			c.advance(time.Second - time.Nanosecond)
			if w := ask(files, "GET", tt.path); tt.path != "/large.txt" && (w.Code != before.Code || w.Body.String() != before.Body.String()) {
				t.Errorf("within the second: %d %.20q, want %d %.20q: nobody looked", w.Code, w.Body, before.Code, before.Body)
			}
			c.advance(time.Nanosecond)
			w := ask(files, "GET", tt.path)
			if w.Code != tt.status || tt.status == 200 && w.Body.String() != tt.body {
				t.Errorf("a second later: %d %.20q, want %d %.20q", w.Code, w.Body, tt.status, tt.body)
			}
			if tag := w.Header().Get("Etag"); tt.status == 200 && tag == before.Header().Get("Etag") {
				t.Errorf("the entity tag is still %s", tag)
			}
		})
	}
}

// write changes a file without moving its time into the past.
func write(t testing.TB, root, name, content string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
}

func TestAChangeThatSizeAndTimeDoNotShowIsServed(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join(root, "a.txt")
	var c clock
	files := serve(t, Options{Root: root, Now: c.now})
	set := func(content string) {
		write(t, root, "a.txt", content)
		must(t, os.Chtimes(name, start, start))
	}
	set("first")
	wantBody(t, files, "/a.txt", "first", "it is there")
	set("other")
	c.advance(time.Second)
	wantBody(t, files, "/a.txt", "other", "the file was too young for its time to be trusted, and is read again")
}

func TestALargeFileThatChangedIsServedAsItIs(t *testing.T) {
	root := tree(t, map[string]string{"a.bin": letters(100_000)})
	var c clock
	files := serve(t, Options{Root: root, Now: c.now})
	old := ask(files, "GET", "/a.bin")
	write(t, root, "a.bin", letters(200_000))
	w := ask(files, "GET", "/a.bin", "Range", "bytes=0-9", "If-Range", old.Header().Get("Etag"))
	if w.Code != 200 || w.Body.Len() != 200_000 || w.Header().Get("Content-Length") != "200000" {
		t.Errorf("got %d with %d bytes, want all 200000 of the new file: the old one's tag does not match", w.Code, w.Body.Len())
	}
	must(t, os.Remove(filepath.Join(root, "a.bin")))
	c.advance(time.Second / 2)
	wantStatus(t, files, "/a.bin", 404, "a file that cannot be opened any more is not there")
}

// Every version is one byte repeated, of a length that says which, and is moved into place or written in place.
func TestAFileThatIsReplacedWhileItIsServedIsNeverTorn(t *testing.T) {
	const versions, readers = 150, 4
	for _, size := range []int{2000, 80_000} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			root := t.TempDir()
			var c clock
			files := serve(t, Options{Root: root, Now: c.now})
			replace := func(version int) {
				body := bytes.Repeat([]byte{byte('a' + version%26)}, size+version)
				put(t, root, "tmp", string(body))
				must(t, os.Rename(filepath.Join(root, "tmp"), filepath.Join(root, "a.txt")))
				c.advance(time.Second)
			}
			replace(0)
			done := make(chan struct{})
			var wg sync.WaitGroup
			for range readers {
				wg.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
						}
						if err := whole(files, size); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			for version := range versions {
				replace(version)
			}
			close(done)
			wg.Wait()
			w := ask(files, "GET", "/a.txt")
			if w.Body.Len() != size+versions-1 {
				t.Errorf("in the end %d bytes are served, want the last version's %d", w.Body.Len(), size+versions-1)
			}
		})
	}
}

func whole(h http.Handler, size int) error {
	w := ask(h, "GET", "/a.txt")
	body := w.Body.Bytes()
	version := len(body) - size
	switch {
	case w.Code != 200:
		return fmt.Errorf("status %d, want 200: the file is there all the time", w.Code)
	case w.Header().Get("Content-Length") != strconv.Itoa(len(body)):
		return fmt.Errorf("%d bytes under Content-Length %s", len(body), w.Header().Get("Content-Length"))
	case version < 0 || strings.Trim(string(body), string(byte('a'+version%26))) != "":
		return fmt.Errorf("%d bytes from %q to %q are of no version", len(body), body[0], body[len(body)-1])
	}
	return nil
}

func TestUnreadableFilesAreForbiddenUntilTheyAreNot(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	root := tree(t, map[string]string{"a.txt": "a"})
	var c clock
	files := serve(t, Options{Root: root, Now: c.now})
	must(t, os.Chmod(filepath.Join(root, "a.txt"), 0))
	wantStatus(t, files, "/a.txt", 403, "as with http.FileServer")
	must(t, os.Chmod(filepath.Join(root, "a.txt"), 0o600))
	c.advance(time.Second)
	wantBody(t, files, "/a.txt", "a", "it may be read now")
}
