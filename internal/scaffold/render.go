package scaffold

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

//go:embed all:templates
var templates embed.FS

// common is the folder of what belongs to all templates.
const common = "common"

// goVersion is the language version of the new module, and the toolchain of its container image.
const goVersion = "1.26"

// data is what a template may use.
type data struct {
	Name          string // of the application, the program and the site
	Module        string
	Summary       string // a sentence without its full stop
	LaunchURL     string // without a leading slash
	GoVersion     string
	LannerVersion string
	Checkout      string // path of a checkout as go.mod wants it; empty for none
}

// file is a rendered file.
type file struct {
	path string // relative, in the form of this system
	text []byte
}

func render(name string, d data) ([]file, error) {
	var files []file
	for _, folder := range []string{common, name} {
		root := "templates/" + folder
		err := fs.WalkDir(templates, root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := renderFile(path, d)
			relative := strings.ReplaceAll(strings.TrimPrefix(path, root+"/"), "NAME", d.Name)
			files = append(files, file{filepath.FromSlash(strings.TrimSuffix(relative, ".tmpl")), text})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("template %s: %w", name, err)
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	return files, nil
}

func renderFile(path string, d data) ([]byte, error) {
	text, err := templates.ReadFile(path)
	if err != nil || !strings.HasSuffix(path, ".tmpl") {
		return text, err
	}
	t, err := template.New(path).Funcs(template.FuncMap{"lower": strings.ToLower}).Parse(string(text))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, d)
	return out.Bytes(), err
}
