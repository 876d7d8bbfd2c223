package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lannerhq/lanner/internal/host/process"
)

var update = flag.Bool("update", false, "write golden files and docs/reference/cli.md")

// These make the test binary be the real program, or an application that a host starts.
const (
	asLanner      = "LANNER_TEST_AS_LANNER"
	asApplication = "LANNER_TEST_AS_APPLICATION"
)

func TestMain(m *testing.M) {
	process.RunGuard()
	switch {
	case os.Getenv(asApplication) != "":
		application()
	case os.Getenv(asLanner) != "":
		main()
	}
	goleak.VerifyTestMain(m)
}

// call is one call of the program in this process.
type call struct {
	*app
	out, errs output
	signals   chan os.Signal
	exited    chan int // of app.exit
}

// output may be written to by the program and by what it runs at once.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func newCall() *call {
	c := &call{signals: make(chan os.Signal, 4), exited: make(chan int, 1)}
	c.app = &app{
		stdin: strings.NewReader(""), stdout: &c.out, stderr: &c.errs, getenv: func(string) string { return "" },
		notify: func(...os.Signal) (<-chan os.Signal, func()) { return c.signals, func() {} },
		exit:   func(code int) { c.exited <- code },
	}
	return c
}

// lanner calls the program and returns what it printed and its exit code.
func lanner(args ...string) (stdout, stderr string, code int) {
	c := newCall()
	code = c.run(args)
	return c.out.String(), c.errs.String(), code
}

func want(t *testing.T, why string, code, wantCode int, got, wantText string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("%s: exit code %d, want %d", why, code, wantCode)
	}
	if diff := cmp.Diff(wantText, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("%s differs; if that is meant, run go test -update (-want +got):\n%s", path, diff)
	}
}
