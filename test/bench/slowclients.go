package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/lannerhq/lanner/test/bench/load"
)

// slowClients measures good traffic twice: undisturbed, and while many clients have begun requests that they continue by one
// byte at a time. The server is to close these by its limit of slow heads. Cost, throughput and latencies are those of the
// good traffic beside the slow clients.
type slowClients struct {
	good    mix
	clients int
	every   time.Duration // between a client's bytes
	limit   time.Duration // the server's
	margin  time.Duration // for closing them all, beside good traffic
	grace   time.Duration // after the limit, from when on those that are open count as open
}

// The limit of row slow-clients is shorter than any server's default, so that a run does not wait for half a minute, and
// longer than the interval, so that one more byte than the first is sent: it must not win the client more time.
const (
	slowInterval = 10 * time.Second
	slowLimit    = 12 * time.Second
)

func (l slowClients) unit() unit      { return perRequest }
func (l slowClients) needs() []string { return nil }

func (l slowClients) takes(d time.Duration) time.Duration {
	return warmUp + d + l.limit + l.margin
}

func (l slowClients) measure(ctx context.Context, w *workshop, r row, s *running, d time.Duration) (measurement, error) {
	if _, _, err := l.good.run(ctx, w, r, s, warmUp); err != nil {
		return measurement{}, fmt.Errorf("warming up: %w", err)
	}
	alone, _, err := l.good.run(ctx, w, r, s, d)
	if err != nil {
		return measurement{}, fmt.Errorf("undisturbed: %w", err)
	}
	var beside load.Mix
	var clients load.Clients
	m, err := observe(ctx, s, func() (_ loadResult, own time.Duration, err error) {
		beside, clients, own, err = l.both(ctx, w, r, s)
		return mixed(beside), own, err
	})
	if err != nil {
		return measurement{}, err
	}
	if clients.Closed < clients.Opened {
		return measurement{}, fmt.Errorf("%d of %d slow clients were still connected after %v, at a limit of %v", clients.Opened-clients.Closed, clients.Opened, l.limit+l.grace, l.limit)
	}
	m.Figures = slowFigures(alone, beside, clients)
	return m, nil
}

// both makes good traffic and the slow clients at once.
func (l slowClients) both(ctx context.Context, w *workshop, r row, s *running) (beside load.Mix, clients load.Clients, own time.Duration, err error) {
	slow, err := w.generate(ctx, l.limit+l.grace, w.load(l.arguments(s.addr)))
	if err != nil {
		return beside, clients, 0, err
	}
	defer slow.stop()
	beside, own, err = l.good.run(ctx, w, r, s, l.limit+l.margin)
	if err != nil {
		return beside, clients, 0, fmt.Errorf("beside slow clients: %w", err)
	}
	out, slowOwn, err := slow.wait()
	if err != nil {
		return beside, clients, 0, err
	}
	clients, err = load.ParseClients([]byte(out))
	return beside, clients, own + slowOwn, err
}

func (l slowClients) arguments(addr string) []string {
	return []string{"slow", "-addr", addr, "-conns", strconv.Itoa(l.clients), "-every", l.every.String(), "-for", (l.limit + l.grace).String()}
}

// slowFigures are what the row is about.
func slowFigures(alone, beside load.Mix, clients load.Clients) []figure {
	return []figure{
		{"p99 undisturbed", alone.Fast.P99, microseconds},
		{"p99 to undisturbed", beside.Fast.P99 / alone.Fast.P99, ""},
		{"slow ones closed", float64(clients.Closed), ""},
		{"first after", clients.First * 1e6, microseconds},
		{"last after", clients.Last * 1e6, microseconds},
	}
}
