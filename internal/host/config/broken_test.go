package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files, the schema and the reference anew")

// testSystem is a machine with a few variables and one secret, the same everywhere.
func testSystem() system {
	variables := map[string]string{
		"HOME": "/home/user", "XDG_RUNTIME_DIR": "/run/user/1000",
		"MODE": "live", "PORT": "8088", "TWO_WORDS": "two words", "SECRET": "hunter2", "EMPTY": "",
	}
	return system{
		goos: "linux", uid: 1000, temp: "/tmp",
		lookupEnv: func(name string) (string, bool) {
			value, ok := variables[name]
			return value, ok
		},
		readFile: func(path string) ([]byte, error) {
			if strings.HasPrefix(path, "/nowhere/") {
				return nil, os.ErrNotExist
			}
			return []byte("hunter2\n"), nil
		},
	}
}

func TestEveryBrokenFileIsExplained(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 40 {
		t.Fatalf("only %d broken files, want at least 40 kinds of mistakes", len(files))
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := parse("/etc/lanner/"+name, data, testSystem())
			var errs *Errors
			if !errors.As(err, &errs) || cfg != nil {
				t.Fatalf("got %v, %v; a broken file gives no configuration and *Errors", cfg, err)
			}
			checkPositions(t, data, errs)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a secret:\n%v", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

// checkPositions holds every problem to a place inside the file and to a snippet of it.
func checkPositions(t *testing.T, data []byte, errs *Errors) {
	t.Helper()
	src := newSource("", data)
	for _, p := range errs.Problems {
		if p.Line < 1 || p.Line > len(src.lines) {
			t.Fatalf("line %d is outside of the file, which has %d: %s", p.Line, len(src.lines), p.Message)
		}
		if end := src.at(p.Line).end(); p.Column < 1 || p.Column > end {
			t.Fatalf("column %d is outside of line %d, which ends at %d: %s", p.Column, p.Line, end, p.Message)
		}
		if p.Snippet == "" || p.Message == "" {
			t.Fatalf("a problem without a snippet or a message: %+v", p)
		}
	}
}

// golden compares with a file, or writes it under -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s; write it anew by go test -update if the new text is better (-want +got):\n%s", file, diff)
	}
}
