package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeConfig writes a configuration and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lanner.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const goodConfig = `sites:
  shop:
    bindings: [http://127.0.0.1:8080]
    applications:
      - hosting: outofprocess
        command: [node, server.js]
        environment: {SECRET: hunter2}
`

func TestCorrectConfigurationIsCounted(t *testing.T) {
	path := writeConfig(t, goodConfig)
	out, errs, code := lanner("config", "check", path)
	want(t, errs, code, exitOK, out, path+" is correct: 1 site, 1 application, 1 pool\n")
	out, _, code = lanner("config", "check", "--json", "--config", path)
	var got checkResult
	if err := json.Unmarshal([]byte(out), &got); err != nil || !got.Valid || code != exitOK || got.Problems == nil {
		t.Errorf("%d, %v: %s", code, err, out)
	}
}

func TestEveryMistakeIsReportedWithItsPlace(t *testing.T) {
	path := writeConfig(t, "sites:\n  shop:\n    bindigs: []\n    applications: 3\n")
	_, errs, code := lanner("config", "check", path)
	for _, place := range []string{path + ":3:5: ", path + ":4:19: "} {
		if code != exitConfig || !strings.Contains(errs, place) {
			t.Errorf("exit code %d, want %d, and %s in:\n%s", code, exitConfig, place, errs)
		}
	}
	out, _, code := lanner("config", "check", "--json", path)
	var got checkResult
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Valid || code != exitConfig || len(got.Problems) < 2 {
		t.Errorf("%d, %v: %s", code, err, out)
	}
	_, errs, code = lanner("host", "--config", path)
	if code != exitConfig || !strings.HasPrefix(errs, path+":") {
		t.Errorf("a host does not start on it; an editor finds the place: %d\n%s", code, errs)
	}
}

func TestMissingConfigurationIsExplained(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("LANNER_CONFIG", "")
	if _, err := os.Stat("/etc/lanner/lanner.yaml"); err == nil {
		t.Skip("this machine has a configuration")
	}
	for _, args := range [][]string{{"config", "check"}, {"config", "show"}, {"host"}} {
		_, errs, code := lanner(args...)
		if code != exitConfig || !strings.Contains(errs, "looked for lanner.yaml") {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
	}
	_, errs, code := lanner("config", "check", "none.yaml")
	if code != exitConfig || !strings.Contains(errs, "none.yaml: cannot read the configuration") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

func TestShownConfigurationHasOriginsAndNoSecrets(t *testing.T) {
	path := writeConfig(t, goodConfig)
	for _, args := range [][]string{{"config", "show", path}, {"config", "show", path, "--json"}} {
		out, errs, code := lanner(args...)
		if code != exitOK || strings.Contains(out, "hunter2") || !strings.Contains(out, "lanner.yaml:3") || !strings.Contains(out, "default") {
			t.Errorf("%v: exit code %d, %s\n%s", args, code, errs, out)
		}
	}
}

func TestSocketComesFromTheConfiguration(t *testing.T) {
	host := newFakeHost()
	socket := strings.TrimPrefix(serve(t, host), "--socket=")
	path := writeConfig(t, goodConfig+"control: {socket: "+socket+"}\n")
	if _, errs, code := lanner("status", "--config", path); code != exitOK {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for _, mistake := range []string{"sites: 3\n", "nonsense: {a: [1]}\n"} {
		broken := writeConfig(t, mistake+"control: {socket: "+socket+"}\n")
		if _, errs, code := lanner("status", "--config", broken); code != exitOK {
			t.Errorf("mistakes elsewhere keep nobody from looking: exit code %d, %s", code, errs)
		}
	}
	_, errs, code := lanner("status", "--config", writeConfig(t, "control: {socket: ["))
	if !strings.Contains(errs, "cannot be read, see \"lanner config check\"; trying ") {
		t.Errorf("a file that cannot be read at all: exit code %d, %s", code, errs)
	}
}

func TestSchemaIsJSON(t *testing.T) {
	out, _, code := lanner("schema")
	if code != exitOK || !json.Valid([]byte(out)) {
		t.Errorf("exit code %d: %.100s", code, out)
	}
}

func TestVersionTellsTheSystem(t *testing.T) {
	out, _, code := lanner("version")
	if code != exitOK || !strings.HasPrefix(out, "lanner ") {
		t.Errorf("%d: %s", code, out)
	}
	out, _, _ = lanner("version", "--json")
	var got build
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Go == "" || got.OS == "" {
		t.Errorf("%v: %s", err, out)
	}
}
