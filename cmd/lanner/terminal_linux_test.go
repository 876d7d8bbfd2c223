package main

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestColoursGoToTerminalsThatWantThem(t *testing.T) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	terminal := os.NewFile(uintptr(fd), "/dev/ptmx")
	defer terminal.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		why     string
		out     *os.File
		env     map[string]string
		noColor bool
		want    painter
	}{
		{"a terminal", terminal, nil, false, true},
		{"a file", file, nil, false, false},
		{"NO_COLOR", terminal, map[string]string{"NO_COLOR": "1"}, false, false},
		{"a terminal without colours", terminal, map[string]string{"TERM": "dumb"}, false, false},
		{"--no-color", terminal, nil, true, false},
	} {
		a := newCall().app
		a.noColor = c.noColor
		a.getenv = func(name string) string { return c.env[name] }
		if got := a.painter(c.out); got != c.want {
			t.Errorf("%s: colours %v", c.why, got)
		}
	}
}
