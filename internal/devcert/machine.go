package devcert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// canRemoveOpenFiles is what Windows does not allow.
const canRemoveOpenFiles = runtime.GOOS != "windows"

// machine is what the stores of this computer need to know of it. Tests have their own.
type machine struct {
	home   string
	getenv func(string) string
	path   []string // the folders of commands
	euid   int
	base   string // of the system's folders: empty except in tests
}

func thisMachine() *machine {
	home, _ := os.UserHomeDir()
	// Debian has the commands of administrators in folders that are not in everybody's PATH.
	path := append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin")
	return &machine{home: home, getenv: os.Getenv, path: path, euid: os.Geteuid()}
}

// command finds a command.
func (m *machine) command(name string) (string, bool) {
	for _, dir := range m.path {
		if !filepath.IsAbs(dir) {
			continue // as os/exec: a program in the current folder is not meant
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return "", false
}

// commandTimeout bounds a command. update-ca-certificates takes seconds; on macOS and Windows a person may have to answer.
const commandTimeout = 2 * time.Minute

// run runs a command, which gets no input, and returns its standard output. The error has what it says of its failure.
func (m *machine) run(ctx context.Context, path string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		said := strings.Join(strings.Fields(stderr.String()+" "+stdout.String()), " ")
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(path), err, said)
	}
	return stdout.Bytes(), nil
}

// exitCode returns the exit code of a command that failed by itself.
func exitCode(err error) (int, bool) {
	e, ok := errors.AsType[*exec.ExitError](err)
	if !ok || !e.Exited() {
		return 0, false
	}
	return e.ExitCode(), true
}

// quote writes a path for a shell.
func quote(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// escapeGlob makes a pattern for filepath.Glob that only the path itself matches.
func escapeGlob(path string) string {
	if runtime.GOOS == "windows" {
		return path // where patterns have no escapes, and file names no '*' and '?'
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
