package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// writeMarkdown writes the report as a page that shows the charts beside it.
func (r *report) writeMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "# Benchmark results\n\nWritten by `scripts/bench`; [README.md](README.md) says what is measured and how to read it.\n\n")
	fmt.Fprintf(b, "- %s\n- %s\n- %s\n", r.machineText(), r.versionText(), r.methodText())
	for _, text := range r.Warnings {
		fmt.Fprintf(b, "- **Beware:** %s\n", text)
	}
	for _, chart := range charts {
		rows := r.onChart(chart.name)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n![%s](%s)\n", chart.title, chart.title, chart.file())
		for _, row := range rows {
			t := row.table()
			fmt.Fprintf(b, "\n### %s: %s\n", row.Name, row.Title)
			t.writeMarkdown(b, row.subjects())
			if len(t.texts) > 0 {
				fmt.Fprintf(b, "\n- %s\n", strings.Join(t.texts, "\n- "))
			}
			for _, note := range t.notes {
				fmt.Fprintf(b, "\nNote: %s.\n", strings.ReplaceAll(note, "\n", " "))
			}
		}
	}
	return b.Flush()
}

// writeMarkdown writes the subjects in bold.
func (t table) writeMarkdown(w io.Writer, subjects []serverResult) {
	if len(t.lines) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| %s |\n|---|%s\n", strings.Join(t.head, " | "), strings.Repeat("---:|", len(t.head)-1))
	for _, line := range t.lines {
		name := line[0]
		for _, s := range subjects {
			if s.Name == name {
				name = "**" + name + "**"
			}
		}
		fmt.Fprintf(w, "| %s | %s |\n", name, strings.Join(line[1:], " | "))
	}
}

// onChart are the rows of a chart that have figures.
func (r *report) onChart(name string) []rowResult {
	var all []rowResult
	for _, row := range r.Rows {
		if row.Chart == name && len(row.table().lines) > 0 {
			all = append(all, row)
		}
	}
	return all
}
