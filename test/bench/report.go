package main

import (
	"slices"
	"time"
)

// report is all that a run found.
type report struct {
	Date     time.Time   `json:"date"`
	Machine  machine     `json:"machine"`
	Versions []version   `json:"versions"`
	Rounds   int         `json:"rounds"`
	Seconds  int         `json:"seconds"`
	Pinned   bool        `json:"pinned"`
	Warnings []string    `json:"warnings,omitempty"`
	Complete bool        `json:"complete"` // false when the run was broken off
	Rows     []rowResult `json:"rows"`
}

// version is that of a program that took part.
type version struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type rowResult struct {
	Name    string         `json:"name"`
	Title   string         `json:"title"`
	Chart   string         `json:"chart"`
	Unit    unit           `json:"unit"`
	Servers []serverResult `json:"servers"`
}

type serverResult struct {
	Name    string        `json:"name"`
	Role    role          `json:"role"`
	Skipped string        `json:"skipped,omitempty"` // why it was left out
	Rounds  []roundResult `json:"rounds,omitempty"`
}

// roundResult is a measurement, or why there is none.
type roundResult struct {
	measurement
	Error string `json:"error,omitempty"`
}

// failed reports whether any server failed or answered wrongly.
func (r *report) failed() bool {
	for _, row := range r.Rows {
		for _, s := range row.Servers {
			if s.failure() != "" {
				return true
			}
		}
	}
	return false
}

// failure is the first error of a server; "" when there was none.
func (s serverResult) failure() string {
	for _, round := range s.Rounds {
		if round.Error != "" {
			return round.Error
		}
	}
	return ""
}

// values are those of one figure in all rounds.
func (s serverResult) values(figure func(measurement) float64) []float64 {
	var all []float64
	for _, round := range s.Rounds {
		if round.Error == "" {
			all = append(all, figure(round.measurement))
		}
	}
	return all
}

// known are the values of a figure in those rounds that told it.
func (s serverResult) known(figure func(measurement) float64) []float64 {
	return slices.DeleteFunc(s.values(figure), func(v float64) bool { return v == 0 })
}

// valuesOf are those of a figure of the row's own in all rounds.
func (s serverResult) valuesOf(name string) []float64 {
	var all []float64
	for _, round := range s.Rounds {
		for _, f := range round.Figures {
			if round.Error == "" && f.Name == name {
				all = append(all, f.Value)
			}
		}
	}
	return all
}

// allocs are the allocations per request in all rounds in which they were counted.
func (s serverResult) allocs() []float64 {
	var all []float64
	for _, round := range s.Rounds {
		if round.Error == "" && round.Allocs != nil {
			all = append(all, *round.Allocs)
		}
	}
	return all
}

// counted reports whether the allocations of any server of the row are known.
func (r rowResult) counted() bool {
	return slices.ContainsFunc(r.Servers, func(s serverResult) bool { return len(s.allocs()) > 0 })
}

// figures are the row's own figures by name, in order.
func (r rowResult) figures() []figure {
	for _, s := range r.Servers {
		for _, round := range s.Rounds {
			if round.Error == "" && len(round.Figures) > 0 {
				return round.Figures
			}
		}
	}
	return nil
}

func cost(m measurement) float64     { return m.Cost }
func others(m measurement) float64   { return m.Others }
func resident(m measurement) float64 { return float64(m.Memory) }

func p50(m measurement) float64       { return m.P50 }
func p99(m measurement) float64       { return m.P99 }
func perSecond(m measurement) float64 { return m.PerSecond }

// ratio compares a figure of two servers within each round that told it of both; the zero span means that there is none.
func ratio(s, subject serverResult, figure func(measurement) float64) span {
	var all []float64
	for i := range min(len(s.Rounds), len(subject.Rounds)) {
		a, b := s.Rounds[i], subject.Rounds[i]
		if a.Error == "" && b.Error == "" && figure(a.measurement) != 0 && figure(b.measurement) > 0 {
			all = append(all, figure(a.measurement)/figure(b.measurement))
		}
	}
	return spread(all)
}

// subjects are the servers to which the ratios are.
func (r rowResult) subjects() []serverResult {
	var all []serverResult
	for _, s := range r.Servers {
		if s.Role == subject && s.Skipped == "" {
			all = append(all, s)
		}
	}
	return all
}

// others is the span of what other programs took of the machine during the row.
func (r rowResult) others() span {
	var all []float64
	for _, s := range r.Servers {
		all = append(all, s.values(others)...)
	}
	return spread(all)
}
