package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// table is a row of the benchmark for reading: a line for each server.
type table struct {
	head  []string
	lines [][]string
	texts []string // more comparisons
	notes []string // on servers without figures, and on the row
}

// table makes the table of a row.
func (r rowResult) table() table {
	columns, extra, counted := r.columns(), r.figures(), r.counted()
	t := table{head: []string{"server", string(r.Unit)}}
	for _, c := range columns {
		t.head = append(t.head, c.name)
	}
	for _, f := range extra {
		t.head = append(t.head, f.Name)
	}
	if counted {
		t.head = append(t.head, "allocs per request")
	}
	t.head = append(t.head, "RSS")
	subjects := r.subjects()
	for _, s := range subjects {
		t.head = append(t.head, "ratio to "+s.Name)
	}
	for _, s := range r.Servers {
		if s.Skipped != "" {
			t.notes = append(t.notes, fmt.Sprintf("%s was skipped: %s", s.Name, s.Skipped))
			continue
		}
		if text := s.failure(); text != "" {
			t.notes = append(t.notes, fmt.Sprintf("%s FAILED: %s", s.Name, text))
		}
		if len(s.values(cost)) > 0 {
			t.lines = append(t.lines, r.line(s, subjects, columns, extra, counted))
		}
	}
	if r.Chart == chartBlocking {
		t.texts = r.comparisons(subjects)
	}
	if o := r.others(); o.Max >= disturbed {
		t.notes = append(t.notes, fmt.Sprintf("other programs took up to %.0f %% of the machine meanwhile (median %.0f %%)", 100*o.Max, 100*o.Median))
	}
	return t
}

// comparisons are for rows in which waiting counts more than CPU time: within each round, as the table's ratios.
func (r rowResult) comparisons(subjects []serverResult) []string {
	var all []string
	for _, s := range r.Servers {
		for _, subject := range subjects {
			if slow := ratio(s, subject, p99); s.Role != subject.Role && slow != (span{}) {
				all = append(all, fmt.Sprintf("%s to %s: p99 %s, requests/s %s", s.Name, subject.Name, rangeText(slow), rangeText(ratio(s, subject, perSecond))))
			}
		}
	}
	return all
}

// column is what every load may tell of its requests. 0 means that it did not.
type column struct {
	name  string
	value func(measurement) float64
	text  func(float64) string
}

// columns are those of which anything is known in a row of requests.
func (r rowResult) columns() []column {
	all := []column{{"requests/s", perSecond, thousands}, {"p50", p50, latency}, {"p99", p99, latency}}
	return slices.DeleteFunc(all, func(c column) bool {
		return r.Unit != perRequest || !slices.ContainsFunc(r.Servers, func(s serverResult) bool { return len(s.known(c.value)) > 0 })
	})
}

func (r rowResult) line(s serverResult, subjects []serverResult, columns []column, extra []figure, counted bool) []string {
	line := []string{s.Name, rangeText(spread(s.values(cost)))}
	for _, c := range columns {
		text := "–"
		if values := s.known(c.value); len(values) > 0 {
			text = c.text(spread(values).Median)
		}
		line = append(line, text)
	}
	for _, f := range extra {
		text := "–"
		if values := s.valuesOf(f.Name); len(values) > 0 {
			text = f.text(spread(values).Median)
		}
		line = append(line, text)
	}
	if counted {
		text := "–"
		if values := s.allocs(); len(values) > 0 {
			text = figures(spread(values).Median)
		}
		line = append(line, text)
	}
	line = append(line, memoryText(spread(s.values(resident)).Median))
	for _, subject := range subjects {
		text := "1"
		if s.Name != subject.Name {
			text = rangeText(ratio(s, subject, cost))
		}
		line = append(line, text)
	}
	return line
}

// rangeText is a median with its range, or the single value.
func rangeText(s span) string {
	switch {
	case s == span{}:
		return "–"
	case s.Min == s.Max:
		return figures(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", figures(s.Median), figures(s.Min), figures(s.Max))
}

// figures writes a number with three significant figures, all of those before the point.
func figures(v float64) string {
	switch a := math.Abs(v); {
	case a == 0, a >= 99.95:
		return thousands(v)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.0995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// thousands writes a whole number in groups of three digits.
func thousands(v float64) string {
	text := strconv.FormatInt(int64(math.Round(math.Abs(v))), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if v <= -0.5 {
		return "-" + text
	}
	return text
}

// latency writes a time that is given in microseconds.
func latency(us float64) string {
	d := time.Duration(us * float64(time.Microsecond))
	switch {
	case d >= time.Second:
		return figures(d.Seconds()) + " s"
	case d >= time.Millisecond:
		return figures(us/1000) + " ms"
	}
	return figures(us) + " µs"
}

// count writes a number of things.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}

func memoryText(bytes float64) string { return figures(bytes/(1<<20)) + " MiB" }
