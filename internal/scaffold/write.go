package scaffold

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// write creates the files. If one cannot be, those that are new are removed again.
func write(o Options, files []file) (err error) {
	var created []string
	defer func() {
		if err == nil {
			return
		}
		for i := len(created) - 1; i >= 0; i-- { // folders come before what is in them
			os.Remove(created[i])
		}
	}()
	for _, f := range files {
		path := filepath.Join(o.Dir, f.path)
		made, err := makeFolder(filepath.Dir(path))
		created = append(created, made...)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", path, err)
		}
		made, err = writeFile(path, f.text, o.Force)
		created = append(created, made...)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", path, err)
		}
	}
	return nil
}

// makeFolder creates dir and what is missing above it, and returns what it created.
func makeFolder(dir string) ([]string, error) {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	created, err := makeFolder(filepath.Dir(dir))
	if err != nil {
		return created, err
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return created, err
	}
	return append(created, dir), nil
}

// writeFile creates a file, which it returns, or replaces one. A link is replaced, not followed.
func writeFile(path string, text []byte, replace bool) (created []string, err error) {
	_, err = os.Lstat(path)
	there := err == nil
	if there && replace {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	if !there {
		created = []string{path}
	}
	_, err = out.Write(text)
	return created, errors.Join(err, out.Close())
}

// Tidy runs "go mod tidy" in dir, which completes go.mod and go.sum. It may download modules. What the go command says
// goes to stderr.
func Tidy(ctx context.Context, dir string, stderr io.Writer) error {
	tool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("cannot complete go.mod: %w", err)
	}
	cmd := exec.CommandContext(ctx, tool, "mod", "tidy")
	cmd.Dir = dir
	cmd.Stderr = stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot complete go.mod: go mod tidy: %w", err)
	}
	return nil
}
