package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/lannerhq/lanner/test/bench/load"
)

// mix is a closed loop in which one of some requests is another one than the row's. Latencies are those of the row's
// requests alone; throughput and cost are those of all.
type mix struct {
	connections int
	other       request
	every       int // one of so many is other; 0 means none
}

func (l mix) unit() unit                          { return perRequest }
func (l mix) needs() []string                     { return nil }
func (l mix) takes(d time.Duration) time.Duration { return warmUp + d }

func (l mix) measure(ctx context.Context, w *workshop, r row, s *running, d time.Duration) (measurement, error) {
	if l.every > 0 {
		if err := l.other.check(ctx, s.addr); err != nil {
			return measurement{}, err
		}
	}
	if _, _, err := l.run(ctx, w, r, s, warmUp); err != nil {
		return measurement{}, fmt.Errorf("warming up: %w", err)
	}
	var found load.Mix
	m, err := observe(ctx, s, func() (loadResult, time.Duration, error) {
		var own time.Duration
		var err error
		found, own, err = l.run(ctx, w, r, s, d)
		return mixed(found), own, err
	})
	if l.every > 0 {
		m.Figures = append(m.Figures, figure{"p99 of slow ones", found.Slow.P99, microseconds})
	}
	return m, err
}

// mixed is the result as that of any load.
func mixed(m load.Mix) loadResult {
	us := func(v float64) time.Duration { return time.Duration(v * float64(time.Microsecond)) }
	return loadResult{requests: m.Requests(), perSecond: m.PerSecond(), p50: us(m.Fast.P50), p99: us(m.Fast.P99)}
}

func (l mix) arguments(r row, addr string, d time.Duration) []string {
	args := []string{"mix", "-addr", addr, "-conns", strconv.Itoa(l.connections), "-for", d.String(), "-fast", r.ask.path}
	if l.every > 0 {
		args = append(args, "-slow", l.other.path, "-every", strconv.Itoa(l.every))
	}
	return args
}

// run makes the load for a time, by a process of its own.
func (l mix) run(ctx context.Context, w *workshop, r row, s *running, d time.Duration) (load.Mix, time.Duration, error) {
	out, own, err := w.run(ctx, d, w.load(l.arguments(r, s.addr, d)))
	if err != nil {
		return load.Mix{}, 0, err
	}
	result, err := load.ParseMix([]byte(out))
	return result, own, err
}

// load is the command line of package load as a process.
func (w *workshop) load(args []string) []string {
	return append(w.loader[:len(w.loader):len(w.loader)], args...)
}
