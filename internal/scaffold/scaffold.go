package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Template is a kind of application.
type Template struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`

	launchURL string // what a browser should open
}

// Templates lists the templates that there are.
func Templates() []Template {
	return []Template{
		{Name: "web", Summary: "A web application with pages and static files"},
		{Name: "api", Summary: "An HTTP API with JSON bodies", launchURL: "todos"},
	}
}

// Options say what to write and where.
type Options struct {
	// Template is the name of one of [Templates].
	Template string
	// Name is the path of the new module; its last element names the application.
	Name string
	// Dir is the folder to write to, which is created. Empty means the name of the application.
	Dir string
	// Force replaces files that are there. Without it one such file is an error, and nothing is written.
	Force bool
	// DryRun writes nothing.
	DryRun bool
	// Checkout is the folder of a checkout of Lanner to build against. Empty means the version this program is of, or the
	// checkout it was built from.
	Checkout string
}

// Result is what was written, or would be.
type Result struct {
	// Name of the application, Module its path.
	Name   string `json:"name"`
	Module string `json:"module"`
	// Dir as it was asked for.
	Dir string `json:"dir"`
	// Files in the order of their names, relative to Dir.
	Files []File `json:"files"`
	// Lanner is what go.mod requires: a version or the path of a checkout.
	Lanner string `json:"lanner"`
	DryRun bool   `json:"dryRun,omitempty"`
}

// File is one file of a [Result].
type File struct {
	Path string `json:"path"`
	// Replaced says that there was such a file.
	Replaced bool `json:"replaced,omitempty"`
}

// UsageError says that what was asked for cannot be.
type UsageError struct {
	Message string
	// Hint is the way out. May be empty.
	Hint string
}

// Error returns the message and the hint.
func (e *UsageError) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "; " + e.Hint
}

// UnknownTemplateError says that there is no template of that name.
type UnknownTemplateError struct {
	Name  string
	Known []string
}

// Error names the template and those that there are.
func (e *UnknownTemplateError) Error() string {
	return fmt.Sprintf("there is no template %q, only %s", e.Name, strings.Join(e.Known, " and "))
}

// Generate writes an application. On an error nothing new is left.
func Generate(o Options) (Result, error) {
	tmpl, err := find(o.Template)
	if err != nil {
		return Result{}, err
	}
	name, err := checkName(o.Name)
	if err != nil {
		return Result{}, err
	}
	lanner, err := chooseLanner(o.Checkout)
	if err != nil {
		return Result{}, err
	}
	files, err := render(tmpl.Name, data{Name: name, Module: o.Name, Summary: tmpl.Summary, LaunchURL: tmpl.launchURL,
		GoVersion: goVersion, LannerVersion: lanner.version, Checkout: lanner.quoted()})
	if err != nil {
		return Result{}, err
	}
	if o.Dir == "" {
		o.Dir = name
	}
	result := Result{Name: name, Module: o.Name, Dir: o.Dir, Lanner: lanner.String(), DryRun: o.DryRun}
	if result.Files, err = plan(o, files); err != nil || o.DryRun {
		return result, err
	}
	return result, write(o, files)
}

func find(name string) (Template, error) {
	var known []string
	for _, t := range Templates() {
		if t.Name == name {
			return t, nil
		}
		known = append(known, t.Name)
	}
	return Template{}, &UnknownTemplateError{Name: name, Known: known}
}

// plan looks what is there already.
func plan(o Options, files []file) ([]File, error) {
	var result []File
	var conflicts []string
	for _, f := range files {
		path := filepath.Join(o.Dir, f.path)
		st, err := os.Lstat(path)
		switch {
		case err == nil && st.IsDir():
			return nil, &UsageError{Message: fmt.Sprintf("cannot write %s: a folder of that name is there", path), Hint: "choose another folder with -o"}
		case err == nil:
			conflicts = append(conflicts, path)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("cannot write %s: %w", path, err)
		}
		result = append(result, File{Path: f.path, Replaced: err == nil})
	}
	if len(conflicts) > 0 && !o.Force {
		return nil, &UsageError{Message: "these files are there already: " + strings.Join(conflicts, ", "),
			Hint: "replace them with --force, or choose another folder with -o"}
	}
	return result, nil
}
