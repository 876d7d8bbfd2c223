package main

import (
	"context"
	"fmt"
	"time"
)

// idle opens connections in steps, makes one request on each and leaves them alone. The cost is the slope of the servers'
// anonymous memory (RssAnon: neither program text nor kernel buffers) over the number of connections.
type idle struct{}

// The range of connections. The first point is not zero, because the first connections bring pools and threads to life.
const (
	idleFrom = 2000
	idleTo   = 18000
	idleStep = 2000
	idleHold = 2 * time.Second // at each step, before memory is read
	idleFree = 500             // descriptors left for everything else

	idleBrief = 2300 // descriptors of a measurement shorter than idleHold
)

func (idle) unit() unit      { return perConnection }
func (idle) needs() []string { return nil }

func (idle) takes(d time.Duration) time.Duration {
	_, hold := idlePlan(d)
	steps := (idleTo-idleFrom)/idleStep + 1
	return time.Duration(steps) * 3 * hold / 2
}

// idlePlan says how many descriptors may be open, and for how long each step is held. A measurement that is too brief for
// the whole makes few connections and shows that it works.
func idlePlan(d time.Duration) (limit int, hold time.Duration) {
	if d < idleHold {
		return min(maxOpenFiles(), idleBrief), d / 5
	}
	return maxOpenFiles(), idleHold
}

// idleSteps are the numbers of connections at which memory is read, with so many descriptors allowed.
func idleSteps(limit int) ([]int, error) {
	step := min(idleStep, (limit-idleFree)/(idleTo/idleStep))
	if step < 20 {
		return nil, fmt.Errorf("only %d descriptors may be open (ulimit -n), too few to measure idle connections", limit)
	}
	var steps []int
	for n := step * idleFrom / idleStep; n <= step*idleTo/idleStep; n += step {
		steps = append(steps, n)
	}
	return steps, nil
}

func (idle) measure(ctx context.Context, _ *workshop, r row, s *running, d time.Duration) (measurement, error) {
	limit, hold := idlePlan(d)
	steps, err := idleSteps(limit)
	if err != nil {
		return measurement{}, err
	}
	return climb(ctx, r.ask, s, steps, hold)
}

// climb opens connections up to each of the steps and reads memory there.
func climb(ctx context.Context, ask request, s *running, steps []int, hold time.Duration) (measurement, error) {
	var conns []link
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	var count, memory []float64
	for _, n := range steps {
		for len(conns) < n {
			conn, err := openIdle(ctx, ask.over, s.addr)
			if err != nil {
				return measurement{}, fmt.Errorf("opening connection %d: %w", len(conns)+1, err)
			}
			conns = append(conns, conn)
			if err := conn.exchange(ask); err != nil {
				return measurement{}, fmt.Errorf("connection %d: %w", len(conns), err)
			}
		}
		if err := pause(ctx, hold); err != nil {
			return measurement{}, err
		}
		now, err := s.memory("RssAnon")
		if err != nil {
			return measurement{}, err
		}
		count, memory = append(count, float64(n)), append(memory, float64(now))
	}
	for i := 0; i < len(conns); i += 100 { // a server that had closed them would look thrifty
		if err := conns[i].exchange(ask); err != nil {
			return measurement{}, fmt.Errorf("connection %d has not stayed open: %w", i+1, err)
		}
	}
	total, err := s.memory("VmRSS")
	if err != nil {
		return measurement{}, err
	}
	return measurement{Cost: slope(count, memory), Memory: total}, nil
}

// openIdle dials. Closing the connection resets it, so that thousands of them do not linger in TIME_WAIT.
func openIdle(ctx context.Context, over protocol, addr string) (link, error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if err := conn.SetLinger(0); err != nil {
		conn.Close()
		return nil, err
	}
	return over.open(ctx, conn)
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
