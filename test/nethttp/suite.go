package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A group is a package of Go's whose tests are run.
type group struct {
	path string // import path
	pkg  string // the package whose test files are meant: http_test, not http
}

// groups are the packages whose tests need an http.Server. Tests inside package http reach into its server, or need none.
var groups = []group{
	{"net/http", "http_test"},
	{"net/http/httptest", "httptest"},
	{"net/http/httputil", "httputil"},
}

// suite is the groups' tests, adapted.
type suite struct {
	overlay string              // path of the overlay's file
	tests   map[string][]string // by import path
	inside  map[string]int      // how many more tests a package has, which are not run
}

// prepare adapts the tests of the Go tree at goroot and writes the overlay into dir.
func prepare(goroot, dir string) (*suite, error) {
	o := &overlay{dir: dir, Replace: make(map[string]string)}
	s := &suite{tests: make(map[string][]string), inside: make(map[string]int)}
	server := filepath.Join(goroot, "src/net/http/server.go")
	src, err := os.ReadFile(server)
	if err != nil {
		return nil, fmt.Errorf("cannot read net/http of this Go installation: %w", err)
	}
	patched, err := patchServer(server, src)
	if err != nil {
		return nil, err
	}
	if err := o.add(server, patched); err != nil {
		return nil, err
	}
	if err := o.add(filepath.Join(filepath.Dir(server), "lanner_hooks.go"), []byte(hooks)); err != nil {
		return nil, err
	}
	for _, g := range groups {
		if err := s.adapt(o, g, filepath.Join(goroot, "src", filepath.FromSlash(g.path))); err != nil {
			return nil, err
		}
	}
	s.overlay, err = o.write()
	return s, err
}

// adapt adds the tests of one package to the overlay.
func (s *suite) adapt(o *overlay, g group, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return err
	}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg, adapted, names, err := patchTests(path, src)
		if err != nil {
			return err
		}
		if pkg != g.pkg {
			s.inside[g.path] += len(names)
			continue
		}
		if len(names) == 0 {
			continue
		}
		s.tests[g.path] = append(s.tests[g.path], names...)
		if err := o.add(path, adapted); err != nil {
			return err
		}
	}
	if len(s.tests[g.path]) == 0 {
		return fmt.Errorf("no tests of package %s are in %s: is Go's source installed with its tests?", g.pkg, dir)
	}
	return o.add(filepath.Join(dir, "lanner_"+strings.TrimSuffix(g.pkg, "_test")+"_test.go"), glue(g.pkg))
}
