package main

import (
	"context"
	"time"
)

// meter makes the load of a row and measures what it costs a server. A new kind of load, such as HTTP/2, is a new meter.
type meter interface {
	// measure loads a running server for about this time.
	measure(ctx context.Context, w *workshop, r row, s *running, d time.Duration) (measurement, error)
	// takes is how long measure takes, warming up included.
	takes(d time.Duration) time.Duration
	// unit is what is counted.
	unit() unit
	// needs are the tools without which it cannot work.
	needs() []string
}

// unit is what a row's costs, or a figure, are in.
type unit string

const (
	perRequest    unit = "CPU µs per request"
	perConnection unit = "bytes per connection"
	microseconds  unit = "µs"
)

// measurement is one server in one round.
type measurement struct {
	Cost      float64  `json:"cost"`                        // in the row's unit
	PerSecond float64  `json:"requestsPerSecond,omitempty"` // of the load
	P50       float64  `json:"p50us,omitempty"`             // median latency in µs; 0 when it is not known
	P99       float64  `json:"p99us,omitempty"`             // 99th percentile in µs; 0 when it is not known
	Allocs    *float64 `json:"allocsPerRequest,omitempty"`  // objects allocated per request; nil when it is not known
	Memory    int64    `json:"rssBytes"`                    // resident memory of all processes at the end
	Others    float64  `json:"others"`                      // share of the machine's CPU time that went to other programs
	Figures   []figure `json:"figures,omitempty"`           // that rows of this kind have beside those above, in order
}

// figure is one more thing that a load measures, a column of the table.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  unit    `json:"unit,omitempty"` // microseconds, or none
}

func (f figure) text(v float64) string {
	if f.Unit == microseconds {
		return latency(v)
	}
	return figures(v)
}
