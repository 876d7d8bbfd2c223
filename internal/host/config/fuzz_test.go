package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzParse holds Parse to its promises for any text: it ends, it does not panic, every problem has a place inside the
// file and can be written, and what is accepted can be shown and read again.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/broken/*.yaml", "testdata/valid/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := parse("/etc/lanner/lanner.yaml", data, testSystem())
		if err == nil {
			roundTrip(t, cfg)
			if changes := Diff(cfg, cfg); !changes.Empty() {
				t.Errorf("a configuration differs from itself: %s", changes)
			}
			return
		}
		var errs *Errors
		if !errors.As(err, &errs) || cfg != nil {
			t.Fatalf("got %v, %v", cfg, err)
		}
		if len(data) > maxFileSize {
			return
		}
		checkPositions(t, data, errs)
		if text := err.Error(); strings.Contains(text, "hunter2") && !strings.Contains(string(data), "hunter2") {
			t.Errorf("the error repeats a secret: %s", text)
		}
		if _, err := json.Marshal(errs); err != nil {
			t.Error(err)
		}
	})
}

func FuzzSplitWords(f *testing.F) {
	f.Add(`node 'my server.js' --x="a b" \${c} ${env:D}`)
	f.Fuzz(func(t *testing.T, text string) {
		words, wrong, token := splitWords(text)
		if wrong != nil && (wrong.problem == "" || wrong.hint == "" || !strings.Contains(text, token)) {
			t.Errorf("%q: %+v at %q", text, wrong, token)
		}
		if wrong != nil && words != nil {
			t.Errorf("%q: words and a complaint", text)
		}
	})
}

// TestLargeFilesAreReadInTime reads large files that are built to take long. They are smaller than allowed, because the race
// detector is slow; what grows with the square of the size takes minutes even so.
func TestLargeFilesAreReadInTime(t *testing.T) {
	const size = 128 << 10
	fill := func(head, item, tail string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, item, i)
		}
		return b.String() + tail
	}
	site := `"s%d":{"bindings":["http://127.0.0.1:0"],"applications":[{"hosting":"inprocess","command":"é","environment":{"A":"b"}}]},`
	last := `"z":{"bindings":["http://z"],"applications":[{"hosting":"inprocess","command":"a"}]}}}`
	for name, text := range map[string]string{
		"many sites on one line":    fill(`{"sites":{`, site, last),
		"many problems on one line": fill(`{"sites":{`, `"k%d":é,`, last),
		"many unknown keys":         fill("", "k%d: 1\n", ""),
		"many variables":            fill("pools: {a: {environment: {", "A%d: b, ", "}}}"),
		"many comments":             fill("", "# %d\n", "a: 1\n"),
		"a long key":                "sites: {" + strings.Repeat("a", size) + ": 1}",
		"a long value":              `logs: "` + strings.Repeat("é", size/2) + `"`,
		"a long bad value":          `log: {level: "` + strings.Repeat("é", size/2) + `"}`,
		"a long command":            fill("sites: {a: {applications: [{command: \"", "${env:MODE}%d ", "\"}]}}"),
		"many bindings":             fill("sites: {a: {bindings: [", "\"http://h%d\",", "], applications: [{hosting: inprocess, command: a}]}}"),
		"many merges":               fill("pools:\n  a: &a {queueLength: 5}\n  b: {<<: [", "*a, ", "]}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, err := parse("lanner.yaml", []byte(text), testSystem())
			_ = fmt.Sprint(err)
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %s, so somewhere the time grows with the square of the size", took)
			} else {
				t.Log(took)
			}
		})
	}
}
