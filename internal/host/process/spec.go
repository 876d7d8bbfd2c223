package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Spec describes a process to start.
type Spec struct {
	// Name stands for the process in logs, e.g. "shop/3". Empty means the
	// program's base name.
	Name string
	// Command is the program and its arguments; no shell is involved. A program
	// without a path separator is looked for in the PATH of Env; one with a
	// separator is relative to Dir.
	Command []string
	// Dir is the working directory. Empty means the host's own.
	Dir string
	// Env is the complete environment, "NAME=value" each; nothing is inherited. Of
	// several values of a name the last counts. The supervisor adds the variable
	// that marks the tree, see TagVariable.
	Env []string
	// ExtraFiles are inherited as descriptors 3, 4, ... The caller keeps and
	// closes its own copies. Not supported on Windows.
	ExtraFiles []*os.File
	// Output receives what the tree prints, besides the process's own Tail. Nil
	// means Tail only. Several processes may share one.
	Output *Output
}

var errNoCommand = errors.New("no command was given")

func (s *Spec) validate() error {
	if len(s.Command) == 0 || s.Command[0] == "" {
		return errNoCommand
	}
	for _, a := range slices.Concat(s.Command, s.Env, []string{s.Dir}) {
		if strings.IndexByte(a, 0) >= 0 {
			return errors.New("command, environment or directory contains a NUL byte")
		}
	}
	if s.Dir == "" {
		return nil
	}
	st, err := os.Stat(s.Dir)
	if err != nil {
		return fmt.Errorf("its working directory: %w", err)
	}
	if !st.IsDir() {
		return fmt.Errorf("its working directory %s is not a directory", s.Dir)
	}
	return nil
}

func (s *Spec) name() string {
	if s.Name != "" {
		return s.Name
	}
	return filepath.Base(s.Command[0])
}

// LookPath finds the program that Start would run for name: absolute names are
// taken as they are, names with a separator are relative to dir, bare names are
// looked for in the PATH of env. Relative PATH entries are skipped, since which
// program they name would depend on dir. The error wraps fs.ErrNotExist or
// fs.ErrPermission.
func LookPath(name, dir string, env []string) (string, error) {
	if filepath.IsAbs(name) {
		return exec.LookPath(name)
	}
	if strings.ContainsRune(name, filepath.Separator) || strings.ContainsRune(name, '/') {
		abs, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		return exec.LookPath(abs)
	}
	path, _ := lookupEnv(env, "PATH")
	denied := ""
	for _, entry := range filepath.SplitList(path) {
		if !filepath.IsAbs(entry) {
			continue
		}
		found, err := exec.LookPath(filepath.Join(entry, name))
		if err == nil {
			return found, nil
		}
		if errors.Is(err, os.ErrPermission) {
			denied = filepath.Join(entry, name)
		}
	}
	if denied != "" {
		return "", fmt.Errorf("%s: %w", denied, os.ErrPermission)
	}
	return "", fmt.Errorf("%q is not in PATH (%s): %w", name, path, os.ErrNotExist)
}

// lookupEnv returns the last value of name.
func lookupEnv(env []string, name string) (string, bool) {
	for _, kv := range slices.Backward(env) {
		k, v, ok := strings.Cut(kv, "=")
		if ok && envKey(k) == envKey(name) {
			return v, true
		}
	}
	return "", false
}

// envKey is what names of variables are compared by: Windows ignores case.
func envKey(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}

// environment returns env with the tag, and with one entry for each name: which
// of two a program sees depends on its language.
func environment(env []string, tag string) []string {
	all := append(slices.Clone(env), TagVariable+"="+tag)
	last := make(map[string]int, len(all))
	key := func(kv string) string {
		if strings.HasPrefix(kv, "=") { // Windows: "=C:=C:\\dir"
			return kv
		}
		name, _, _ := strings.Cut(kv, "=")
		return envKey(name)
	}
	for i, kv := range all {
		last[key(kv)] = i
	}
	unique := all[:0]
	for i, kv := range all {
		if last[key(kv)] == i {
			unique = append(unique, kv)
		}
	}
	return unique
}
