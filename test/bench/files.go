package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// chart is a picture with a panel for each of its rows.
type chart struct {
	name  string
	title string
}

var charts = []chart{
	{chartRequests, "CPU time per request"},
	{chartTLS, "CPU time per request over TLS 1.3"},
	{chartHTTP2, "CPU time per request in HTTP/2"},
	{chartHosting, "CPU time per request by hosting model"},
	{chartBlocking, "CPU time per request beside handlers that sleep and clients that stall"},
	{chartIdle, "Memory of an idle connection"},
}

func (c chart) file() string { return c.name + ".svg" }

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeFiles writes results.md, results.json and the charts into a folder.
func (r *report) writeFiles(dir string) error {
	files := make(map[string][]byte)
	var md, js bytes.Buffer
	if err := errors.Join(r.writeMarkdown(&md), r.writeJSON(&js)); err != nil {
		return err
	}
	files["results.md"], files["results.json"] = md.Bytes(), js.Bytes()
	for _, c := range charts {
		if rows := r.onChart(c.name); len(rows) > 0 {
			files[c.file()] = r.drawChart(c.title, rows)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of -out: %w", err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("cannot write the results: %w", err)
		}
	}
	return nil
}
