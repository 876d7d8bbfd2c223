package staticfiles

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secret is what is outside of the root, or hidden in it.
const secret = "do not serve this"

// guarded is a root with secrets around and in it.
func guarded(t testing.TB) string {
	t.Helper()
	outside := t.TempDir()
	put(t, outside, "secret.txt", secret)
	root := filepath.Join(outside, "root")
	put(t, root, "ok.txt", "ok")
	put(t, root, "dir/ok.txt", "ok")
	for _, name := range []string{".env", ".git/config", "dir/.htpasswd", "dir/.d/x.txt", ".well-known2/x"} {
		put(t, root, name, secret)
	}
	put(t, root, ".well-known/security.txt", "well known")
	put(t, root, ".well-known/.hidden", secret)
	link := func(to, name string) { must(t, os.Symlink(to, filepath.Join(root, name))) }
	link(filepath.Join(outside, "secret.txt"), "absolute.txt")
	link("../secret.txt", "relative.txt")
	link("..", "up")
	link("loop", "loop")
	link("dir/ok.txt", "inside.txt")
	return root
}

var traversals = []string{
	"/../secret.txt", "/../../secret.txt", "/dir/../../secret.txt", "/./../secret.txt", "/dir/./../../secret.txt", "//../secret.txt",
	"/..//secret.txt", "/.../secret.txt", "/....//secret.txt", `/..\secret.txt`, `/dir\..\..\secret.txt`, `/\..\secret.txt`,
	"/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/..%5csecret.txt", "/%252e%252e/secret.txt",
	"/..%c0%afsecret.txt", "/..%00/secret.txt", "/secret.txt%00.html", "/ok.txt%00", "/dir/..%00/../secret.txt",
	"/absolute.txt", "/relative.txt", "/up/secret.txt", "/up/", "/up", "/loop", "/loop/x", "/up/root/../secret.txt",
	"/.env", "/.git/config", "/.git/", "/.git", "/dir/.htpasswd", "/dir/.d/x.txt", "/%2eenv", "/.well-known2/x", "/.well-known/.hidden",
	"/dir/../.env", "/./.env", "//.env", "/.env/", "/C:/secret.txt", "/file:///etc/passwd", "/ok.txt::$DATA", "/ok.txt/../.env",
}

func TestNothingOutsideTheRootNorHiddenIsServed(t *testing.T) {
	root := guarded(t)
	for _, policy := range []DotFiles{HideDotFiles, ServeWellKnown} {
		files := serve(t, Options{Root: root, DotFiles: policy})
		for _, target := range traversals {
			w := raw(t, files, target)
			if w == nil {
				continue // no URL
			}
			if w.Code != 404 {
				t.Errorf("policy %d, %q: %d %.40q, want 404", policy, target, w.Code, w.Body)
			}
		}
	}
}

// raw asks for a target as it comes over the wire; nil when net/url refuses it.
func raw(t testing.TB, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	r, err := http.NewRequest("GET", target, nil)
	if err != nil {
		return nil
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestLinksInsideTheRootAreFollowed(t *testing.T) {
	wantBody(t, serve(t, Options{Root: guarded(t)}), "/inside.txt", "ok", "it does not lead out")
}

func TestDotFilesAreServedWhenAsked(t *testing.T) {
	root := guarded(t)
	wantStatus(t, serve(t, Options{Root: root}), "/.well-known/security.txt", 404, "hidden by default")
	wantBody(t, serve(t, Options{Root: root, DotFiles: ServeWellKnown}), "/.well-known/security.txt", "well known", "RFC 8615")
	wantBody(t, serve(t, Options{Root: root, DotFiles: ServeDotFiles}), "/.env", secret, "the operator asked for it")
}

func TestWindowsAliasesAreRecognised(t *testing.T) {
	for segment, want := range map[string]bool{
		"GIT~1": true, "a.": true, "a ": true, "a:b": true, "a~b": false, "~": false, "a~": false, "a.b": false, "x~9y": true,
	} {
		if isAlias(segment) != want {
			t.Errorf("isAlias(%q) = %v, want %v", segment, !want, want)
		}
	}
}

func FuzzNoPathLeadsToASecret(f *testing.F) {
	for _, target := range traversals {
		f.Add(target)
	}
	for _, target := range []string{"", "/", "/ok.txt", "ok.txt", "/dir/", "/inside.txt", "/.", "/..", "\x00", "/\xff"} {
		f.Add(target)
	}
	root := guarded(f)
	files := serve(f, Options{Root: root})
	prefixed := serve(f, Options{Root: root, Prefix: "/p"})
	f.Fuzz(func(t *testing.T, p string) {
		for _, files := range []*Files{files, prefixed} {
			for _, p := range []string{p, "/p" + p, "/p/" + p} {
				w := ask(files, "GET", strings.ReplaceAll(p, "?", ""))
				if strings.Contains(w.Body.String(), secret) {
					t.Errorf("%q is answered with a secret", p)
				}
				if w.Code == http.StatusInternalServerError {
					t.Errorf("%q is answered with 500", p)
				}
			}
		}
	})
}
