package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// target is a program to run: a package or file to build, or a binary.
type target struct {
	name   string // for messages and of the built file, without a suffix
	binary string // absolute path of a program that needs no building, else empty

	// Of a Go program:
	pkg    string // what go build is given
	dir    string // absolute, where go build runs
	module string // path of its module; empty outside of one

	home string // absolute folder of the package or binary: profiles and relative directories start there
	root string // absolute: profiles are looked for up to here
}

// resolve finds out what arg means: a folder with a main package, a .go file, a binary, or a package path. dir is the
// absolute folder of the caller.
func resolve(ctx context.Context, dir, arg string) (target, error) {
	if arg == "" {
		arg = "."
	}
	path := arg
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, arg)
	}
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !looksLikePath(arg):
		return resolvePackage(ctx, dir, arg)
	case errors.Is(err, fs.ErrNotExist):
		return target{}, &UsageError{Message: fmt.Sprintf("there is no %s", path)}
	case err != nil:
		return target{}, &UsageError{Message: fmt.Sprintf("cannot run %s: %v", arg, err)}
	case st.IsDir():
		return resolveFolder(ctx, path)
	case filepath.Ext(path) == ".go":
		return resolveGo(ctx, filepath.Dir(path), filepath.Base(path))
	case !st.Mode().IsRegular():
		return target{}, &UsageError{Message: fmt.Sprintf("cannot run %s: it is neither folder nor file", path)}
	case !executable(st):
		return target{}, &UsageError{Message: fmt.Sprintf("cannot run %s: it is not executable", path),
			Hint: "name a program, a .go file, or the folder of a Go program"}
	}
	home := filepath.Dir(path)
	return target{name: programName(path), binary: path, home: home, root: home}, nil
}

// looksLikePath reports whether arg can only be meant as a file or folder.
func looksLikePath(arg string) bool {
	return filepath.IsAbs(arg) || strings.HasPrefix(arg, ".") && !strings.Contains(arg, "...") ||
		filepath.Ext(arg) == ".go"
}

func executable(st fs.FileInfo) bool {
	if runtime.GOOS == "windows" {
		return strings.EqualFold(filepath.Ext(st.Name()), ".exe")
	}
	return st.Mode().Perm()&0o111 != 0
}

func programName(path string) string {
	name := filepath.Base(path)
	if strings.EqualFold(filepath.Ext(name), ".exe") {
		name = name[:len(name)-len(".exe")]
	}
	return name
}

func resolveFolder(ctx context.Context, path string) (target, error) {
	if sources, _ := filepath.Glob(filepath.Join(path, "*.go")); len(sources) == 0 {
		return target{}, &UsageError{Message: fmt.Sprintf("there is no Go program in %s", path), Hint: programsBelow(ctx, path)}
	}
	return resolveGo(ctx, path, ".")
}

func resolvePackage(ctx context.Context, dir, arg string) (target, error) {
	t, err := resolveGo(ctx, dir, arg)
	if errors.Is(err, errNoPackage) {
		return target{}, &UsageError{Message: fmt.Sprintf("%s is neither a file, a folder nor a Go package here", arg),
			Hint: programsBelow(ctx, dir)}
	}
	return t, err
}

// errNoPackage says that the go command does not know a package.
var errNoPackage = errors.New("no such package")

// goPackage is what "go list" tells.
type goPackage struct {
	Name   string
	Dir    string
	Module *struct{ Path, Dir string }
}

// resolveGo asks the go command about a package or file. Mistakes in the source are not told here but by the build.
func resolveGo(ctx context.Context, dir, pkg string) (target, error) {
	found, err := list1(ctx, dir, pkg)
	if err != nil {
		return target{}, err
	}
	if found.Name == "" && found.Dir == "" {
		return target{}, errNoPackage
	}
	if found.Name != "" && found.Name != "main" {
		return target{}, &UsageError{Message: fmt.Sprintf("cannot run %s: it is package %s, not package main", pkgName(dir, pkg), found.Name),
			Hint: programsBelow(ctx, dir)}
	}
	t := target{pkg: pkg, dir: dir, home: found.Dir, root: found.Dir}
	if t.home == "" {
		t.home, t.root = dir, dir
	}
	t.name = filepath.Base(t.home)
	if filepath.Ext(pkg) == ".go" {
		t.name = strings.TrimSuffix(filepath.Base(pkg), ".go")
	}
	if found.Module != nil {
		t.module = found.Module.Path
		t.root = found.Module.Dir
	}
	return t, nil
}

func pkgName(dir, pkg string) string {
	if pkg == "." {
		return dir
	}
	return pkg
}

// list1 asks for exactly one package.
func list1(ctx context.Context, dir, pkg string) (goPackage, error) {
	out, err := goList(ctx, dir, "-e", "-json=Name,Dir,Module", "--", pkg)
	if err != nil {
		return goPackage{}, err
	}
	var found []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return goPackage{}, fmt.Errorf("cannot read what \"go list\" says of %s: %w", pkg, err)
		}
		found = append(found, p)
	}
	switch len(found) {
	case 0:
		return goPackage{}, errNoPackage
	case 1:
		return found[0], nil
	}
	return goPackage{}, &UsageError{Message: fmt.Sprintf("cannot run %s: it names %d packages", pkg, len(found)), Hint: "name one"}
}

// programsBelow returns a hint with the main packages of the module below dir, at most a few. It is empty when there are
// none or the go command cannot tell.
func programsBelow(ctx context.Context, dir string) string {
	out, err := goList(ctx, dir, "-e", "-f", `{{if eq .Name "main"}}{{.Dir}}{{end}}`, "./...")
	if err != nil {
		return ""
	}
	const most = 5
	var found []string
	for line := range strings.Lines(string(out)) {
		rel, err := filepath.Rel(dir, strings.TrimSpace(line))
		if err != nil || rel == "." {
			continue
		}
		if len(found) == most {
			found = append(found, "...")
			break
		}
		found = append(found, "."+string(filepath.Separator)+rel)
	}
	if len(found) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(found, ", ") + "?"
}

// goList runs "go list" in dir and returns its output. Its complaints become the error.
func goList(ctx context.Context, dir string, args ...string) ([]byte, error) {
	tool, err := goTool()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, tool, append([]string{"list"}, args...)...)
	cmd.Dir = dir
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	alone(cmd)
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, strings.TrimSpace(complaints.String()))
	}
	return out, nil
}

func goTool() (string, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("cannot build a Go program: %w; install Go, or name a program that is built already", err)
	}
	return tool, nil
}
