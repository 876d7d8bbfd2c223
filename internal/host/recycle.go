package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
)

var errRecycling = errors.New("it is already being recycled")

// recycle replaces every worker by a fresh one. With overlap, which is the default, the new worker is ready and has taken
// the place before the old one is asked to end, so no request waits or is lost. When a new worker cannot start, the old
// ones stay.
func (a *application) recycle(ctx context.Context, why string) ([]control.Step, error) {
	a.mu.Lock()
	if a.recycling {
		a.mu.Unlock()
		return nil, errRecycling
	}
	if a.stopped {
		a.mu.Unlock()
		return nil, errors.New("it is stopped")
	}
	a.recycling = true
	a.generation++
	a.notBefore = time.Time{} // whoever recycles wants a new attempt now
	a.fitPlacesLocked()
	places := append([]*place(nil), a.places...)
	a.mu.Unlock()
	defer a.endRecycle()
	a.log.Info(eventRecycle.msg, eventRecycle.id, "reason", why)
	if a.cfg.Load().pool.DisallowOverlappingRotation {
		return a.recycleInTurn(ctx, why)
	}
	var steps []control.Step
	for _, p := range places {
		step, err := a.replace(ctx, p, why)
		steps = append(steps, step...)
		if err != nil {
			a.log.Error(eventRecycleFailed.msg, eventRecycleFailed.id, "error", err)
			return steps, err
		}
	}
	a.dropPlaces(why)
	return steps, nil
}

func (a *application) endRecycle() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recycling = false
	a.broadcastLocked()
}

// recycleForChange makes all workers work by the configuration that a reload has brought. A recycle under way may have started some
// by the one before, so it is waited for, and what several reloads bring meanwhile takes one recycle.
func (a *application) recycleForChange() {
	a.mu.Lock()
	if a.changing {
		a.mu.Unlock()
		return
	}
	a.changing = true
	a.mu.Unlock()
	for a.awaitRecycle() {
		if _, err := a.recycle(a.ctx, "its configuration changed"); !errors.Is(err, errRecycling) {
			return
		}
	}
}

// awaitRecycle waits until no recycle is under way; from then on another change needs a recycle of its own. It reports false when the
// application has been closed.
func (a *application) awaitRecycle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.recycling && a.ctx.Err() == nil {
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-a.ctx.Done():
		}
		a.mu.Lock()
	}
	a.changing = false
	return a.ctx.Err() == nil
}

// replace fills a place anew. An empty place of a pool that starts on demand stays empty.
func (a *application) replace(ctx context.Context, p *place, why string) ([]control.Step, error) {
	a.mu.Lock()
	if p.current == nil && p.starting == nil {
		a.mu.Unlock()
		return []control.Step{{Application: a.path, Name: "no worker runs", Detail: "the next request starts one"}}, nil
	}
	w := p.starting
	if w == nil || w.generation != a.generation {
		w = a.startLocked(p)
	}
	a.mu.Unlock()
	began := time.Now()
	step := control.Step{Application: a.path, Name: "start worker"}
	select {
	case <-w.started:
	case <-ctx.Done():
		step.Error = "the caller gave up; the worker goes on starting"
		return []control.Step{step}, context.Cause(ctx)
	}
	step.Duration = time.Since(began).Seconds()
	a.mu.Lock()
	err, old := w.startErr, w.replaced
	a.mu.Unlock()
	if err != nil {
		step.Error = err.Error()
		return []control.Step{step}, fmt.Errorf("application %s: the new worker could not start, the old one still serves: %w", a.name(), err)
	}
	step.Detail = fmt.Sprintf("worker %d, pid %d is ready", w.id, w.backend.pid())
	steps := []control.Step{step}
	if old != nil {
		a.retire(old, "recycled: "+why)
		steps = append(steps, control.Step{Application: a.path, Name: "drain worker", Detail: fmt.Sprintf("worker %d, pid %d finishes its requests", old.id, old.backend.pid())})
	}
	return steps, nil
}

// recycleInTurn is for applications that tolerate one instance only: requests wait meanwhile.
func (a *application) recycleInTurn(ctx context.Context, why string) ([]control.Step, error) {
	var steps []control.Step
	for _, w := range a.retireAll("recycled: " + why) {
		select {
		case <-w.backend.done():
			steps = append(steps, control.Step{Application: a.path, Name: "stop worker", Detail: fmt.Sprintf("worker %d, pid %d has ended", w.id, w.backend.pid())})
		case <-ctx.Done():
			return steps, context.Cause(ctx)
		}
	}
	a.mu.Lock()
	a.startMissingLocked()
	places := append([]*place(nil), a.places...)
	a.mu.Unlock()
	for _, p := range places {
		a.mu.Lock()
		w := p.starting
		a.mu.Unlock()
		if w == nil {
			continue
		}
		select {
		case <-w.started:
		case <-ctx.Done():
			return steps, context.Cause(ctx)
		}
		step := control.Step{Application: a.path, Name: "start worker", Detail: fmt.Sprintf("worker %d", w.id)}
		if w.startErr != nil {
			step.Error = w.startErr.Error()
			return append(steps, step), w.startErr
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// dropPlaces retires places that the pool no longer has.
func (a *application) dropPlaces(why string) {
	a.mu.Lock()
	keep := a.cfg.Load().pool.MaxProcesses
	var extra []*worker
	for len(a.places) > keep {
		last := a.places[len(a.places)-1]
		if last.current != nil {
			extra = append(extra, last.current)
		}
		a.places = a.places[:len(a.places)-1]
	}
	a.settleModelLocked()
	a.mu.Unlock()
	for _, w := range extra {
		a.retire(w, why)
	}
}
