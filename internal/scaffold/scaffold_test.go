package scaffold

import (
	"errors"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryTemplateGivesAnApplicationThatBuildsAndPassesItsTests(t *testing.T) {
	for _, tmpl := range Templates() {
		t.Run(tmpl.Name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			// A stand-in for Lanner, so that this tests the template and nothing else.
			result, err := Generate(Options{Template: tmpl.Name, Name: "example.org/Shop.one", Dir: dir, Checkout: standIn(t)})
			if err != nil {
				t.Fatal(err)
			}
			if result.Name != "Shop.one" {
				t.Errorf("the last element names the application: %q", result.Name)
			}
			goCommand(t, dir, "vet", "./...")
			goCommand(t, dir, "test", "./...")
			goCommand(t, dir, "build", "-o", os.DevNull, ".")
		})
	}
}

func TestEveryTemplateBuildsAgainstThisLanner(t *testing.T) {
	own := ownCheckout()
	if out, err := exec.Command("go", "build", lannerModule).CombinedOutput(); err != nil {
		t.Skipf("package lanner does not compile: %s", out)
	}
	for _, tmpl := range Templates() {
		t.Run(tmpl.Name, func(t *testing.T) {
			dir := t.TempDir()
			result, err := Generate(Options{Template: tmpl.Name, Name: "shop", Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if result.Lanner != own {
				t.Errorf("a program built from a checkout uses it: %s, want %s", result.Lanner, own)
			}
			if err := Tidy(t.Context(), dir, testWriter{t}); err != nil {
				t.Fatal(err)
			}
			goCommand(t, dir, "vet", "./...")
			goCommand(t, dir, "build", "-o", os.DevNull, ".")
		})
	}
}

func TestFilesAreThoseOfTheListAndFormatted(t *testing.T) {
	want := map[string][]string{
		"web": {".dockerignore", ".gitignore", "Dockerfile", "README.md", "deploy/shop.service", "go.mod", "handler.go",
			"handler_test.go", "lanner.launch.yaml", "lanner.yaml", "main.go", "pages/home.html", "static/site.css"},
		"api": {".dockerignore", ".gitignore", "Dockerfile", "README.md", "deploy/shop.service", "go.mod", "handler.go",
			"handler_test.go", "lanner.launch.yaml", "lanner.yaml", "main.go", "store.go"},
	}
	for _, tmpl := range Templates() {
		dir := t.TempDir()
		result, err := Generate(Options{Template: tmpl.Name, Name: "shop", Dir: dir, Checkout: standIn(t)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range result.Files {
			got = append(got, filepath.ToSlash(f.Path))
			text, err := os.ReadFile(filepath.Join(dir, f.Path))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "<no value>") || !strings.HasSuffix(string(text), "\n") || strings.HasSuffix(string(text), "\n\n") {
				t.Errorf("%s is whole and ends with one line end:\n%s", f.Path, text)
			}
			if filepath.Ext(f.Path) != ".go" {
				continue
			}
			if formatted, err := format.Source(text); err != nil || string(formatted) != string(text) {
				t.Errorf("%s is not as gofmt writes it: %v", f.Path, err)
			}
		}
		if diff := cmp.Diff(want[tmpl.Name], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tmpl.Name, diff)
		}
	}
}

func TestFilesThatAreThereAreReplacedOnlyByForce(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "main.go")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Template: "web", Name: "shop", Dir: dir, Checkout: standIn(t)}
	_, err := Generate(o)
	want := "these files are there already: " + mine + "; replace them with --force, or choose another folder with -o"
	if _, ok := errors.AsType[*UsageError](err); !ok || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("nothing else was written: %v", left)
	}
	o.Force = true
	result, err := Generate(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Files {
		if f.Replaced != (f.Path == "main.go") {
			t.Errorf("%s: replaced %v", f.Path, f.Replaced)
		}
	}
	if text, _ := os.ReadFile(mine); string(text) == "mine" {
		t.Error("--force replaces")
	}
}

func TestForceReplacesALinkAndNotWhatItPointsTo(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "go.mod")); err != nil {
		t.Skip(err)
	}
	if _, err := Generate(Options{Template: "api", Name: "shop", Dir: dir, Checkout: standIn(t), Force: true}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(outside); string(text) != "mine" {
		t.Errorf("a file elsewhere is not written to: %q", text)
	}
}

func TestFailureLeavesNothingNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	err := write(Options{Dir: dir}, []file{{"a", nil}, {filepath.Join("sub", "b"), nil}, {filepath.Join("a", "c"), nil}})
	if err == nil {
		t.Fatal("a file is in the way of a folder")
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("files and folders that were made before are removed: %v", err)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	result, err := Generate(Options{Template: "web", Name: "shop", Dir: dir, Checkout: standIn(t), DryRun: true})
	if err != nil || len(result.Files) == 0 {
		t.Errorf("the files are told: %v, %v", result.Files, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not even the folder is made: %v", err)
	}
}

func TestNamesThatCannotBeAreExplained(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "has no name",
		"../shop":                "cannot be the name",
		"/shop":                  "cannot be the name",
		"shop/":                  "cannot be the name",
		"a//b":                   "cannot be the name",
		"my shop":                "cannot be the name",
		"läden":                  "cannot be the name",
		"shop.":                  "cannot be the name",
		"-o":                     "cannot be the name",
		"1shop":                  "begin it with a letter",
		"x.org/2":                "begin it with a letter",
		"net":                    `put a domain before it, such as example.org/net`,
		"encoding/json":          "belongs to Go itself",
		"con":                    "Windows",
		"x.org/aux.d/shop":       "Windows",
		"main.go":                "leave the ending out",
		strings.Repeat("a", 300): "at most 200",
		strings.Repeat("a", 65):  "at most 64",
		"shop$(reboot)":          "cannot be the name",
		"shop\nreplace x => y":   "cannot be the name",
	} {
		_, err := Generate(Options{Template: "web", Name: name, Dir: t.TempDir(), Checkout: standIn(t)})
		if _, ok := errors.AsType[*UsageError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error must say %q: %v", name, want, err)
		}
	}
	for _, name := range []string{"shop", "Shop", "my-shop_2", "example.org/a.b/shop", "network"} {
		if _, err := checkName(name); err != nil {
			t.Errorf("%q is a name: %v", name, err)
		}
	}
}

func TestUnknownTemplateTellsTheKnownOnes(t *testing.T) {
	_, err := Generate(Options{Template: "wbe", Name: "shop"})
	if e, ok := errors.AsType[*UnknownTemplateError](err); !ok || !cmp.Equal(e.Known, []string{"web", "api"}) {
		t.Errorf("%v", err)
	}
}

func TestOnlyAPublishedVersionIsRequired(t *testing.T) {
	for version, want := range map[string]string{
		"v0.1.0": "v0.1.0", "v1.2.3-rc.1": "v1.2.3-rc.1", "(devel)": "", "": "",
		"v0.0.0-20261124055305-99319eb4a8d1+dirty": "",
	} {
		info := &debug.BuildInfo{Main: debug.Module{Path: lannerModule, Version: version}}
		if got := released(info); got != want {
			t.Errorf("%q: require %q, want %q", version, got, want)
		}
	}
	other := &debug.BuildInfo{Main: debug.Module{Path: "example.org/x", Version: "v9.9.9"}, Deps: []*debug.Module{{Path: lannerModule, Version: "v0.2.0"}}}
	if got := released(other); got != "v0.2.0" {
		t.Errorf("a program that only uses Lanner is not Lanner: %q", got)
	}
}

func TestFolderThatIsNoCheckoutIsRefused(t *testing.T) {
	_, err := Generate(Options{Template: "web", Name: "shop", Dir: t.TempDir(), Checkout: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "is no checkout of Lanner") {
		t.Errorf("%v", err)
	}
}

func TestCheckoutWithBlanksIsQuoted(t *testing.T) {
	if got := (lanner{checkout: "/home/a b/lanner"}).quoted(); got != `"/home/a b/lanner"` {
		t.Errorf("go.mod ends a path at a blank: %s", got)
	}
}

// standIn returns a module that has the name of Lanner and the one function the templates call.
func standIn(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "with blank")
	files := map[string]string{
		"go.mod":    "module " + lannerModule + "\n\ngo 1.26\n",
		"lanner.go": "package lanner\n\nimport \"net/http\"\n\nfunc Run(h http.Handler) error { return nil }\n",
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func goCommand(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p))
	return len(p), nil
}

func FuzzName(f *testing.F) {
	for _, name := range []string{"shop", "example.org/shop", "../x", "con", "a\nb", "net"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, module string) {
		name, err := checkName(module)
		if err != nil {
			return
		}
		if path := filepath.Join("dir", name); filepath.Dir(path) != "dir" || strings.ContainsAny(module, " \t\n\"'`$\\:;") {
			t.Errorf("%q is not safe in a path, a file or a command", module)
		}
	})
}
