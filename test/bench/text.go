package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// writeText writes the report for a terminal.
func (r *report) writeText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "\n%s\n%s\n%s\n", r.machineText(), r.versionText(), r.methodText())
	for _, row := range r.Rows {
		fmt.Fprintf(b, "\n%s: %s\n", row.Name, row.Title)
		t := row.table()
		t.writeText(b)
		for _, text := range t.texts {
			fmt.Fprintf(b, "  %s\n", text)
		}
		for _, note := range t.notes {
			fmt.Fprintf(b, "  ! %s\n", note)
		}
	}
	for _, text := range r.Warnings {
		fmt.Fprintf(b, "\nwarning: %s\n", text)
	}
	if !r.Complete {
		fmt.Fprintf(b, "\nThe run was broken off.\n")
	}
	return b.Flush()
}

// writeText aligns the first column left, all others right.
func (t table) writeText(w io.Writer) {
	if len(t.lines) == 0 {
		return
	}
	lines := append([][]string{t.head}, t.lines...)
	widths := make([]int, len(t.head))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprintf(w, "  %s%s", cell, pad)
			} else {
				fmt.Fprintf(w, "  %s%s", pad, cell)
			}
		}
		fmt.Fprintln(w)
	}
}

func (r *report) machineText() string {
	m := r.Machine
	return fmt.Sprintf("%s, %d CPUs, %.0f GiB; %s, Linux %s", m.CPU, m.CPUs, float64(m.Memory)/(1<<30), m.System, m.Kernel)
}

func (r *report) versionText() string {
	var all []string
	for _, v := range r.Versions {
		all = append(all, v.Name+" "+v.Version)
	}
	return strings.Join(all, ", ")
}

func (r *report) methodText() string {
	where := "servers and load on all CPUs"
	if r.Pinned {
		where = "servers on the first CPU, load on the second"
	}
	return fmt.Sprintf("%s; %s of %d s; %s", r.Date.Format("2006-01-02"), count(r.Rounds, "round"), r.Seconds, where)
}
