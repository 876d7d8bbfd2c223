package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func show(t *testing.T, cfg *Config, o ShowOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Show(&b, cfg, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestShowWritesTheEffectiveConfigurationWithOrigins(t *testing.T) {
	cfg := readValid(t, "full.yaml")
	golden(t, "testdata/show/full.yaml", show(t, cfg, ShowOptions{Environment: true}))
	golden(t, "testdata/show/full-hidden.yaml", show(t, cfg, ShowOptions{}))
	golden(t, "testdata/show/full.json", show(t, cfg, ShowOptions{JSON: true}))
}

func TestWhatShowWritesMeansTheSame(t *testing.T) {
	files, err := filepath.Glob("testdata/valid/*")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		cfg := readValid(t, filepath.Base(file))
		roundTrip(t, cfg)
	}
}

// roundTrip reads what Show writes, in both forms, and compares it with what was shown.
func roundTrip(t *testing.T, cfg *Config) {
	t.Helper()
	text := show(t, cfg, ShowOptions{Environment: true})
	var document struct{ Config json.RawMessage }
	if err := json.Unmarshal([]byte(show(t, cfg, ShowOptions{Environment: true, JSON: true})), &document); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{text, string(document.Config)} {
		again, err := parse(cfg.File, []byte(text), testSystem())
		if err != nil {
			t.Fatalf("Show wrote what cannot be read: %v\n%s", err, text)
		}
		if diff := cmp.Diff(cfg, again, cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Fatalf("Show wrote something else (-shown +read):\n%s\n%s", diff, text)
		}
	}
}

func TestShowQuotesWhatYAMLWouldMisread(t *testing.T) {
	for _, value := range []string{"", "null", "~", "true", "012", "1e3", "2026-01-01", "# x", "a: b", "- a", " a ", "*", "&a", "!x", "%", "@", "a\nb\n", "\ta",
		"é ☃ 😀", "$", "${", "$${", "${x}", "'", `"`, "\\", "[", "}", "yes", "<<", "=", "a #b", "\u0085", "\u2028", "\x7f", strings.Repeat("long ", 100)} {
		quoted := strconv.QuoteToASCII(strings.ReplaceAll(value, "${", "$${"))
		cfg := mustParse(t, minimal+"        environment: {V: "+quoted+"}\n")
		want(t, "the value is read as it is", cfg.Sites["web"].Applications[0].Environment["V"], value)
		roundTrip(t, cfg)
	}
}

func TestShowRevealsNoSecret(t *testing.T) {
	cfg := mustParse(t, `
pools: {web: {environment: {TOKEN: literal}}}
sites:
  web:
    bindings: [http://127.0.0.1:8080]
    applications:
      - hosting: outofprocess
        command: [node, "--token=${env:SECRET}"]
        directory: /srv/${file:/run/secrets/name}
        environment: {A: "${env:SECRET}", B: literal}
`)
	want(t, "the secret is in the configuration", cfg.Sites["web"].Applications[0].Environment["A"], "hunter2")
	for _, o := range []ShowOptions{{}, {JSON: true}, {Environment: true}, {Environment: true, JSON: true}} {
		text := show(t, cfg, o)
		if strings.Contains(text, "hunter2") {
			t.Errorf("%+v shows what came out of a variable or a file:\n%s", o, text)
		}
		if strings.Contains(text, "literal") != o.Environment {
			t.Errorf("%+v: values of environments are shown only when they are asked for:\n%s", o, text)
		}
	}
}

func TestErrorsAreWrittenAsJSON(t *testing.T) {
	data, err := os.ReadFile("testdata/broken/spec-two-mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = parse("lanner.yaml", data, testSystem())
	text, jsonErr := json.MarshalIndent(err, "", "  ")
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	golden(t, "testdata/show/errors.json", string(text)+"\n")
}
