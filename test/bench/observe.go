package main

import (
	"context"
	"runtime"
	"time"

	"github.com/lannerhq/lanner/test/target/mallocs"
)

// loadResult is what a load generator says at its end.
type loadResult struct {
	requests  int64
	perSecond float64
	p50, p99  time.Duration // 0 when it does not say
}

// observe reads what a server has spent before and after a load. load makes it and returns what it was, and the CPU time
// that its programs spent.
func observe(ctx context.Context, s *running, load func() (loadResult, time.Duration, error)) (measurement, error) {
	allocsBefore, counted, err := s.mallocs(ctx)
	if err != nil {
		return measurement{}, err
	}
	machine, err := machineTicks()
	if err != nil {
		return measurement{}, err
	}
	before, err := s.tree()
	if err != nil {
		return measurement{}, err
	}
	began := time.Now()
	result, own, err := load()
	if err != nil {
		return measurement{}, err
	}
	after, err := s.tree()
	if err != nil {
		return measurement{}, err
	}
	took := time.Since(began)
	machineAfter, err := machineTicks()
	if err != nil {
		return measurement{}, err
	}
	spent, err := cpuBetween(before, after)
	if err != nil {
		return measurement{}, err
	}
	memory, err := memoryOf(after, "VmRSS")
	if err != nil {
		return measurement{}, err
	}
	others := (machineAfter - machine).duration() - spent - own
	m := measurement{
		Cost:      float64(spent.Nanoseconds()) / 1000 / float64(result.requests),
		PerSecond: result.perSecond,
		P50:       micros(result.p50),
		P99:       micros(result.p99),
		Memory:    memory,
		Others:    max(0, others.Seconds()/took.Seconds()/float64(runtime.NumCPU())),
	}
	if counted {
		allocsAfter, _, err := s.mallocs(ctx)
		if err != nil {
			return measurement{}, err
		}
		m.Allocs = allocsPerRequest(allocsBefore, allocsAfter, result.requests)
	}
	return m, nil
}

// allocsPerRequest is exact but for what telling the count allocates itself, some two hundred objects, and what belongs to
// the requests that were under way when the load ended.
func allocsPerRequest(before, after uint64, requests int64) *float64 {
	n := float64(after-before) / float64(requests)
	return &n
}

// mallocs is how many objects the server has allocated. counted is false when it does not say: only a Go program of its own
// does, since those of several would tell nothing about one server.
func (s *running) mallocs(ctx context.Context) (n uint64, counted bool, err error) {
	if len(s.children) != 1 || s.children[0].debug == "" {
		return 0, false, nil
	}
	n, err = mallocs.Fetch(ctx, s.children[0].debug)
	return n, err == nil, err
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
