package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/lannerhq/lanner/test/bench/load"
)

// handshakes is a load of connections over TLS with one request on each: cost, throughput and latencies are those of a whole
// connection, from TCP's handshake to its end.
type handshakes struct {
	connections int  // at a time
	resumed     bool // each resumes a session by a ticket; none does otherwise
}

func (l handshakes) unit() unit                          { return perRequest }
func (l handshakes) needs() []string                     { return nil }
func (l handshakes) takes(d time.Duration) time.Duration { return warmUp + d }

func (l handshakes) measure(ctx context.Context, w *workshop, r row, s *running, d time.Duration) (measurement, error) {
	if _, _, err := l.run(ctx, w, r, s, warmUp); err != nil {
		return measurement{}, fmt.Errorf("warming up: %w", err)
	}
	return observe(ctx, s, func() (loadResult, time.Duration, error) { return l.run(ctx, w, r, s, d) })
}

func (l handshakes) arguments(r row, addr string, d time.Duration) []string {
	args := []string{"tls", "-addr", addr, "-conns", strconv.Itoa(l.connections), "-for", d.String(), "-path", r.ask.path}
	if l.resumed {
		args = append(args, "-resume")
	}
	return args
}

// run makes the load for a time, by a process of its own.
func (l handshakes) run(ctx context.Context, w *workshop, r row, s *running, d time.Duration) (loadResult, time.Duration, error) {
	out, own, err := w.run(ctx, d, w.load(l.arguments(r, s.addr, d)))
	if err != nil {
		return loadResult{}, 0, err
	}
	found, err := load.ParseHandshakes([]byte(out))
	return shaken(found), own, err
}

// shaken is the result as that of any load.
func shaken(h load.Handshakes) loadResult {
	return mixed(load.Mix{Seconds: h.Seconds, Fast: h.Kind})
}
