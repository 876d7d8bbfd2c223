package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// between is what starting and stopping a server takes, roughly.
const between = time.Second

// measureAll measures all rows and tells progress how far it is. The report holds what was measured also when it returns an
// error; it is nil when nothing could begin.
func measureAll(ctx context.Context, o options, progress io.Writer) (r *report, err error) {
	if err := supported(); err != nil {
		return nil, err
	}
	if o.install {
		if err := installTools(ctx, progress); err != nil {
			return nil, err
		}
	}
	tools := findTools()
	if err := haveTools(o, tools); err != nil {
		return nil, err
	}
	r = &report{Date: time.Now().UTC(), Rounds: o.rounds, Seconds: o.seconds, Pinned: o.pin}
	if r.Machine, err = thisMachine(); err != nil {
		return nil, err
	}
	r.Warnings = r.Machine.warnings(o)
	for _, text := range r.Warnings {
		fmt.Fprintln(progress, "warning:", text)
	}
	fmt.Fprintln(progress, "building ...")
	w, err := newWorkshop(ctx, o, tools)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r.Versions = w.versions(ctx, o)
	total := o.takes()
	fmt.Fprintf(progress, "%s, %s of %d s: about %v\n", count(len(o.rows), "row"), count(o.rounds, "round"), o.seconds, total.Round(time.Second))
	ctx, cancel := context.WithTimeoutCause(ctx, 2*total+5*time.Minute, errors.New("the run took more than twice as long as planned"))
	defer cancel()
	for _, row := range o.rows {
		result, err := measureRow(ctx, w, o, row, progress)
		r.Rows = append(r.Rows, result)
		if err != nil {
			return r, err
		}
	}
	r.Complete = true
	return r, nil
}

// haveTools makes sure that the loads can be made. Servers that are not here are skipped instead.
func haveTools(o options, tools map[string]string) error {
	var needed []string
	for _, row := range o.rows {
		needed = append(needed, row.load.needs()...)
	}
	if o.pin {
		needed = append(needed, "taskset")
	}
	for _, name := range needed {
		if tools[name] == "" {
			return fmt.Errorf("%w: %s", errUnavailable, missing(name))
		}
	}
	return nil
}

// takes is how long the whole will take.
func (o options) takes() time.Duration {
	var sum time.Duration
	for _, row := range o.rows {
		sum += time.Duration(len(row.servers)*o.rounds) * (row.load.takes(o.duration()) + between)
	}
	return sum
}

// measureRow lets the servers of a row take turns, so that what changes on the machine meets all of them. A server that
// fails does not end the row, only ctx does.
func measureRow(ctx context.Context, w *workshop, o options, r row, progress io.Writer) (rowResult, error) {
	result := rowResult{Name: r.name, Title: r.title, Chart: r.chart, Unit: r.load.unit()}
	for _, c := range r.servers {
		s := serverResult{Name: c.name, Role: c.role}
		if c.needs != "" && w.tools[c.needs] == "" {
			s.Skipped = missing(c.needs)
			fmt.Fprintf(progress, "%s: %s is skipped: %s\n", r.name, c.name, s.Skipped)
		}
		result.Servers = append(result.Servers, s)
	}
	for round := range o.rounds {
		for i, c := range r.servers {
			s := &result.Servers[i]
			if s.Skipped != "" {
				continue
			}
			m, err := measureOnce(ctx, w, r, c, o.duration())
			if ctx.Err() != nil {
				return result, context.Cause(ctx)
			}
			line := fmt.Sprintf("%-20s %d/%d  %-36s", r.name, round+1, o.rounds, c.name)
			if err != nil {
				s.Rounds = append(s.Rounds, roundResult{Error: err.Error()})
				fmt.Fprintf(progress, "%s FAILED: %v\n", line, err)
				continue
			}
			s.Rounds = append(s.Rounds, roundResult{measurement: m})
			fmt.Fprintf(progress, "%s %10.2f %s%s\n", line, m.Cost, result.Unit, disturbance(m.Others))
		}
	}
	return result, nil
}

// disturbed is the share of the machine that other programs may take before it is worth telling.
const disturbed = 0.1

func disturbance(others float64) string {
	if others < disturbed {
		return ""
	}
	return fmt.Sprintf("  (other programs took %.0f %% of the machine)", 100*others)
}

// measureOnce starts a server, measures it and stops it.
func measureOnce(ctx context.Context, w *workshop, r row, c contestant, d time.Duration) (m measurement, err error) {
	s, err := startServer(ctx, w, r, c)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return r.load.measure(ctx, w, r, s, d)
}
