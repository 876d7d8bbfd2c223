package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// wrk is a load made by the program wrk on one thread: as many requests as the server answers, on a number of connections.
type wrk struct {
	connections int
	pipeline    int      // requests sent at once; 0 means one
	close       bool     // a connection for each request
	paths       []string // asked in turn, instead of the row's
	volume      bool     // the bytes of bodies count as well
}

// warmUp comes before each measurement: pools fill, garbage collection finds its pace.
const warmUp = time.Second

func (l wrk) unit() unit                          { return perRequest }
func (l wrk) needs() []string                     { return []string{"wrk"} }
func (l wrk) takes(d time.Duration) time.Duration { return warmUp + d }

func (l wrk) measure(ctx context.Context, w *workshop, r row, s *running, d time.Duration) (measurement, error) {
	args, err := l.arguments(w, r, s.addr)
	if err != nil {
		return measurement{}, err
	}
	if _, _, err := w.wrk(ctx, warmUp, args); err != nil {
		return measurement{}, fmt.Errorf("warming up: %w", err)
	}
	m, err := observe(ctx, s, func() (loadResult, time.Duration, error) { return w.wrk(ctx, d, args) })
	if err == nil && l.volume {
		m.Figures = append(m.Figures, volumeFigure(float64(len(r.ask.want))/m.Cost))
	}
	return m, err
}

// arguments are those of wrk, without the time.
func (l wrk) arguments(w *workshop, r row, addr string) ([]string, error) {
	args := []string{"-t1", fmt.Sprintf("-c%d", l.connections), "--latency"}
	if r.ask.host != "" {
		args = append(args, "-H", "Host: "+r.ask.host)
	}
	if l.close {
		args = append(args, "-H", "Connection: close")
	}
	if script := l.script(r.ask); script != "" {
		file, err := w.file(r.name+".lua", script)
		if err != nil {
			return nil, err
		}
		args = append(args, "-s", file)
	}
	return append(args, r.ask.over.scheme()+"://"+addr+r.ask.path), nil
}

// script is what the command line of wrk cannot say; "" when there is nothing.
func (l wrk) script(ask request) string {
	switch {
	case l.pipeline > 1:
		return fmt.Sprintf("init = function()\n  local all = {}\n  for i = 1, %d do all[i] = wrk.format(%q) end\n"+
			"  batch = table.concat(all)\nend\nrequest = function() return batch end\n", l.pipeline, ask.method)
	case len(l.paths) > 0:
		return fmt.Sprintf("local all, next = {}, 0\ninit = function()\n  for i, path in ipairs({%s}) do all[i] = wrk.format(%q, path) end\nend\n"+
			"request = function() next = next %% #all + 1 return all[next] end\n", quoted(l.paths), ask.method)
	case ask.method != "GET":
		return fmt.Sprintf("wrk.method = %q\nwrk.body = %q\n", ask.method, ask.body)
	}
	return ""
}

func quoted(all []string) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "%q, ", s)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// wrk runs wrk for a time. It returns what it said, and the CPU time that it spent itself.
func (w *workshop) wrk(ctx context.Context, d time.Duration, args []string) (loadResult, time.Duration, error) {
	argv := append([]string{w.tools["wrk"], fmt.Sprintf("-d%ds", int(d.Seconds()))}, args...)
	out, own, err := w.run(ctx, d, argv)
	if err != nil {
		return loadResult{}, 0, err
	}
	result, err := parseWrk(out)
	if err != nil {
		return loadResult{}, 0, fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return result, own, nil
}
