package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

//go:embed skipped.json
var skippedJSON []byte

//go:embed expected.json
var expectedJSON []byte

// skipGroup is a group of tests that cannot apply to Kestrel, by the same reason.
type skipGroup struct {
	Group  string
	Reason string
	Tests  []string
}

// expectation is why a test fails.
type expectation struct {
	Reason string
	// Sometimes says that it may pass as well: its outcome is a matter of time.
	Sometimes bool `json:",omitempty"`
	// EventLoop says that it fails on the event loop only.
	EventLoop bool `json:",omitempty"`
}

// tables are what is known of tests, by the import path of their package. Expected has the full names of the innermost
// subtests that fail, such as TestX/h1.
type tables struct {
	skipped  map[string][]skipGroup
	expected map[string]map[string]expectation
}

// loadTables returns the tables for goroutines or for the event loop.
func loadTables(loop bool) (*tables, error) {
	t := new(tables)
	if err := decode(skippedJSON, &t.skipped); err != nil {
		return nil, fmt.Errorf("skipped.json: %w", err)
	}
	if err := decode(expectedJSON, &t.expected); err != nil {
		return nil, fmt.Errorf("expected.json: %w", err)
	}
	for _, listed := range t.expected {
		maps.DeleteFunc(listed, func(_ string, why expectation) bool { return why.EventLoop && !loop })
	}
	return t, nil
}

func decode(b []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode(to)
}

// group returns the group by which a test is skipped, or nil.
func (t *tables) group(path, test string) *skipGroup {
	for i, g := range t.skipped[path] {
		for _, name := range g.Tests {
			if name == test {
				return &t.skipped[path][i]
			}
		}
	}
	return nil
}

// writeSkips writes the reasons of one package's skipped tests for the shim, and returns the file's path.
func (t *tables) writeSkips(dir, path string) (string, error) {
	reasons := make(map[string]string)
	for _, g := range t.skipped[path] {
		for _, name := range g.Tests {
			reasons[name] = g.Group + ": " + g.Reason
		}
	}
	b, err := json.Marshal(reasons)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, strings.ReplaceAll(path, "/", "-")+"-skip.json")
	return file, os.WriteFile(file, b, 0o644)
}
