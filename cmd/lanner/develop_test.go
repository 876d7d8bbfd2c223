//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lannerhq/lanner/internal/scaffold"
)

func TestTemplatesAreListed(t *testing.T) {
	out, _, code := lanner("new", "--list")
	want(t, "a table", code, exitOK, out, `TEMPLATE  MAKES
web       A web application with pages and static files
api       An HTTP API with JSON bodies
`)
	out, _, _ = lanner("new", "--list", "--json")
	var got []scaffold.Template
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 2 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestDryRunOfNewWritesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	out, errs, code := lanner("new", "web", "shop", "--dry-run")
	if code != exitOK || !strings.Contains(out, "would create shop/main.go\n") || strings.Contains(out, "next:") {
		t.Errorf("%d, %s\n%s", code, errs, out)
	}
	if _, err := os.Stat("shop"); err == nil {
		t.Error("nothing is written")
	}
}

func TestNewApplicationHasAConfigurationThatIsCorrectAndRuns(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("GOWORK", "off")
	for _, template := range []string{"web", "api"} {
		out, errs, code := lanner("new", template, "example.org/"+template, "--lanner-path", standIn(t))
		if code != exitOK || !strings.HasSuffix(out, "\nnext:\n  cd "+template+"\n  lanner run\n") {
			t.Fatalf("%d, %s\n%s", code, errs, out)
		}
		if out, errs, code := lanner("config", "check", filepath.Join(template, "lanner.yaml")); code != exitOK {
			t.Errorf("its lanner.yaml is correct: %d, %s%s", code, out, errs)
		}
		out, errs, code = lanner("run", template, "--", "--answer")
		if code != 42 {
			t.Errorf("the program's own exit code comes back: %d, %s", code, errs)
		}
		if want := "[--answer] http://localhost:5000 Development\n"; out != want {
			t.Errorf("the launch profile of the template is used: %q, want %q", out, want)
		}
		if !strings.Contains(errs, "profile http of lanner.launch.yaml: http://localhost:5000\nbuilding "+template+"\nbuilt in ") {
			t.Errorf("what happens before the program speaks is told: %s", errs)
		}
		_, errs, code = lanner("run", template, "--profile", "sttaging")
		if code != exitUsage || !strings.HasSuffix(errs, "which has http, staging\n  help: did you mean \"staging\"?\n") {
			t.Errorf("%d, %s", code, errs)
		}
	}
	_, errs, code := lanner("new", "web", "web", "--lanner-path", standIn(t))
	if code != exitUsage || !strings.Contains(errs, "replace them with --force") {
		t.Errorf("nothing is overwritten: %d, %s", code, errs)
	}
}

func TestNewForPrograms(t *testing.T) {
	t.Chdir(t.TempDir())
	out, errs, code := lanner("new", "api", "shop", "--json", "--no-tidy", "-o", "here", "--lanner-path", standIn(t))
	var got newResult
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK {
		t.Fatalf("%d, %v, %s", code, err, errs)
	}
	if diff := cmp.Diff([]string{"cd here", "lanner run"}, got.Next); diff != "" || got.Name != "shop" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEventsOfRunAreJSONForPrograms(t *testing.T) {
	_, errs, code := lanner("run", "--json", "--no-launch-profile", "/bin/true")
	if code != exitOK || !strings.HasPrefix(errs, `{"event":"started","pid":`) {
		t.Errorf("%d, %s", code, errs)
	}
}

func TestBuildFailureIsAFailureAndNotAMistakeInTheCall(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GOWORK", "off")
	for name, text := range map[string]string{"go.mod": "module example.org/x\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { nope() }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, errs, code := lanner("run", dir)
	if code != exitFailed || !strings.Contains(errs, "./main.go:3:15: undefined: nope\n") {
		t.Errorf("%d, %s", code, errs)
	}
}

// standIn returns a module that has the name of Lanner and the one function the templates call: it prints what it was told
// and exits, so that this tests the command and not the server.
func standIn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module github.com/lannerhq/lanner\n\ngo 1.26\n",
		"lanner.go": `package lanner

import (
	"fmt"
	"net/http"
	"os"
)

func Run(http.Handler) error {
	fmt.Println(os.Args[1:], os.Getenv("LANNER_URLS"), os.Getenv("LANNER_ENV"))
	os.Exit(42)
	return nil
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
