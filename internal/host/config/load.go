package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Load reads the configuration file at path. Relative paths in it start from its folder. Mistakes in the file, and a file
// that cannot be read, are returned as *[Errors].
func Load(path string) (*Config, error) {
	data, err := readRegular(path, maxFileSize)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return parse(path, data, thisSystem())
}

func unreadable(path string, err error) *Errors {
	p := Problem{File: path, Message: "cannot read the configuration: " + reason(err)}
	var large errTooLarge
	switch {
	case errors.As(err, &large):
		p.Hint = "a configuration is never that large; check that this is the right file"
	case errors.Is(err, fs.ErrNotExist):
		p.Hint = "create it, or name another one with --config"
	case errors.Is(err, fs.ErrPermission):
		p.Hint = "let the user that runs lanner read it"
	default:
		p.Hint = "name the configuration file itself with --config"
	}
	return &Errors{File: path, Problems: []Problem{p}, cause: err}
}

// Parse reads a configuration from data. name is shown in errors, and its folder is where relative paths start from; it
// need not exist. Mistakes are returned as *[Errors].
func Parse(name string, data []byte) (*Config, error) {
	return parse(name, data, thisSystem())
}

func parse(name string, data []byte, sys system) (*Config, error) {
	if len(data) > maxFileSize {
		return nil, unreadable(name, errTooLarge{maxFileSize})
	}
	file, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("cannot resolve the path of %s: %w", name, err)
	}
	d := &decoder{
		src:     newSource(name, data),
		dir:     filepath.Dir(file),
		system:  sys,
		errs:    Errors{File: name},
		origins: map[string]Origin{},
		written: map[string]string{},
		places:  map[string]*yaml.Node{},
		names:   map[string]*yaml.Node{},
		failed:  map[string]bool{},
		pools:   map[string]*Pool{},
		owners:  keyOwners(),
	}
	cfg := d.config(data)
	if err := d.errs.result(); err != nil {
		return nil, err
	}
	cfg.File = file
	return cfg, nil
}

// config reads the whole document. The result is of use only if no problem was reported.
func (d *decoder) config(data []byte) *Config {
	if line, column, message, hint := d.src.encodingProblem(data); message != "" {
		d.failAt(place{line: line, column: column}, message, hint)
		return nil
	}
	root := d.document(data)
	if root == nil {
		return nil
	}
	d.maskEnvironments(root)
	if root.ShortTag() == "!!null" {
		d.failAt(place{line: 1, column: 1}, "the file has no content", "begin with a site: "+smallest)
		return nil
	}
	cfg, ok := readValue(d, configObject, "", root)
	if !ok || d.exhausted {
		return nil
	}
	d.complete(&cfg)
	d.check(&cfg)
	cfg.origins, cfg.written = d.origins, d.written
	cfg.locate = func(path, message, hint string) Problem {
		at := path
		for d.places[at] == nil && strings.Contains(at, ".") {
			at = at[:strings.LastIndexByte(at, '.')]
		}
		p := Problem{File: d.src.name, Path: path, Message: message, Hint: hint}
		if n := d.places[at]; n != nil {
			place := d.placeOf(at, n)
			p.Line, p.Column = d.src.inside(place.line, place.column)
			p.Snippet = d.src.snippet(p.Line, p.Column, place.width)
		}
		return p
	}
	return &cfg
}
