package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// h2load is a load made by the program h2load on one thread: as many requests in HTTP/2 as the server answers, on a number of
// connections with a number of streams each. The row's request says whether over TLS.
type h2load struct {
	connections int
	streams     int     // at once on each connection
	other       request // another one than the row's
	every       int     // one of so many requests of a connection is other; 0 means none
	volume      bool    // the bytes of bodies count as well
}

func (l h2load) unit() unit                        { return perRequest }
func (h2load) needs() []string                     { return []string{"h2load"} }
func (h2load) takes(d time.Duration) time.Duration { return warmUp + d }

// measure lets other come in the place of every 100th request, say, and then takes p50 and p99 of the others from h2load's log
// of all requests. Without other there is no such log, since writing it costs more than many a request, and no percentile.
func (l h2load) measure(ctx context.Context, w *workshop, r row, s *running, d time.Duration) (measurement, error) {
	if l.every > 0 {
		if err := l.other.check(ctx, s.addr); err != nil {
			return measurement{}, err
		}
	}
	args, err := l.arguments(w, r, s.addr)
	if err != nil {
		return measurement{}, err
	}
	if _, _, err := l.run(ctx, w, r, warmUp, args); err != nil {
		return measurement{}, fmt.Errorf("warming up: %w", err)
	}
	if l.every > 0 { // of the measurement alone
		if err := os.Remove(w.h2loadLog(r)); err != nil {
			return measurement{}, err
		}
	}
	var found h2loadResult
	m, err := observe(ctx, s, func() (loadResult, time.Duration, error) {
		var own time.Duration
		var err error
		if found, own, err = l.run(ctx, w, r, d, args); err == nil && l.every > 0 {
			found.p50, found.p99, err = h2loadLatencies(w.h2loadLog(r), found.requests, l.every)
		}
		return found.loadResult, own, err
	})
	if err != nil {
		return m, err
	}
	m.Figures = found.figures()
	if l.volume {
		// Bytes per microsecond are megabytes per second.
		m.Figures = append(m.Figures, volumeFigure(float64(found.bytes)/(m.Cost*float64(found.requests))))
	}
	return m, nil
}

// volumeFigure is what a row of large bodies is about.
func volumeFigure(v float64) figure { return figure{"MB per CPU second", v, ""} }

// arguments are those of h2load, without the time.
func (l h2load) arguments(w *workshop, r row, addr string) ([]string, error) {
	args := []string{"-t1", fmt.Sprintf("-c%d", l.connections), fmt.Sprintf("-m%d", l.streams)}
	if r.ask.over == h2c {
		args = append(args, "-p", string(h2c))
	} else {
		args = append(args, "--npn-list="+string(h2))
	}
	fields := r.ask.fields
	if r.ask.host != "" {
		fields = append([][2]string{{":authority", r.ask.host}}, fields...)
	}
	for _, f := range fields {
		args = append(args, "-H", f[0]+": "+f[1])
	}
	if r.ask.body != nil {
		file, err := w.file(r.name+".request", string(r.ask.body))
		if err != nil {
			return nil, err
		}
		args = append(args, "-d", file)
	}
	base := r.ask.over.scheme() + "://" + addr
	if l.every == 0 {
		return append(args, base+r.ask.path), nil
	}
	file, err := w.file(r.name+".urls", strings.Repeat(base+r.ask.path+"\n", l.every-1)+base+l.other.path+"\n")
	return append(args, "-i", file, "--log-file="+w.h2loadLog(r)), err
}

// h2loadLog is where h2load lists the requests of a row.
func (w *workshop) h2loadLog(r row) string { return w.path(r.name + ".log") }

// run runs h2load for a time. It returns what it said, and the CPU time that it spent itself.
func (l h2load) run(ctx context.Context, w *workshop, r row, d time.Duration, args []string) (h2loadResult, time.Duration, error) {
	argv := append([]string{w.tools["h2load"], fmt.Sprintf("-D%dms", d.Milliseconds())}, args...)
	out, own, err := w.run(ctx, d, argv)
	if err != nil {
		return h2loadResult{}, 0, err
	}
	result, err := parseH2load(out, r.ask.over, l.connections, l.streams)
	if err != nil {
		return h2loadResult{}, 0, fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return result, own, nil
}
