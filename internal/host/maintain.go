package host

import (
	"fmt"
	"time"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

// Intervals of the host's one maintenance goroutine.
const (
	maintainEvery = time.Second
	refreshEvery  = 5 // beats between asking in-process workers for their counters, and reading memory use
)

// maintain looks after all applications once a second: idle pools are stopped, workers that are old, large or have served
// enough are replaced, pools that are always running are filled.
func (h *Host) maintain() {
	ticker := time.NewTicker(maintainEvery)
	defer ticker.Stop()
	last := time.Now()
	for beat := 0; ; beat++ {
		select {
		case <-h.stopping:
			return
		case now := <-ticker.C:
			for _, a := range h.applications() {
				a.maintain(last, now, beat%refreshEvery == 0)
			}
			last = now
		}
	}
}

func (a *application) maintain(last, now time.Time, refresh bool) {
	a.checkOffline()
	cfg := a.cfg.Load()
	workers := a.ready()
	if refresh {
		for _, w := range workers {
			w.backend.refresh()
		}
	}
	if a.idle(now, cfg, workers) {
		a.retireAll(fmt.Sprintf("idle for %s", cfg.pool.IdleTimeout))
		return
	}
	a.checkHealth(now, cfg.app.HealthCheck, workers)
	if cfg.pool.StartMode == config.AlwaysRunning || a.waitedFor() {
		a.mu.Lock()
		if a.offline.Load() == nil {
			a.startMissingLocked()
		}
		a.mu.Unlock()
	}
	if why := a.recycleReason(last, now, cfg, workers, refresh); why != "" {
		a.wg.Go(func() { a.recycle(a.ctx, why) }) // it logs its errors
	}
}

// ready returns the workers in their places.
func (a *application) ready() []*worker {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []*worker
	for _, p := range a.places {
		if p.current != nil && p.current.state == control.Ready {
			out = append(out, p.current)
		}
	}
	return out
}

func (a *application) waitedFor() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.queued > 0
}

// idle reports whether the pool has had nothing to do for its idle time.
func (a *application) idle(now time.Time, cfg *appConfig, workers []*worker) bool {
	limit := cfg.pool.IdleTimeout
	if limit <= 0 || len(workers) == 0 || now.Sub(a.lastUse()) < limit {
		return false
	}
	for _, w := range workers {
		if w.active.Load() > 0 || now.Sub(w.readyAt) < limit {
			return false
		}
	}
	return true
}

// recycleReason says in words why the workers are to be replaced; "" when they are not.
func (a *application) recycleReason(last, now time.Time, cfg *appConfig, workers []*worker, refresh bool) string {
	rule := cfg.pool.Recycling
	for _, at := range rule.Schedule {
		if crossed(last, now, int(at)) && len(workers) > 0 {
			return "scheduled at " + at.String()
		}
	}
	for _, w := range workers {
		switch {
		case rule.Time > 0 && now.Sub(w.readyAt) >= rule.Time:
			return fmt.Sprintf("age limit %s", rule.Time)
		case rule.Requests > 0 && w.requests.Load() >= rule.Requests:
			return fmt.Sprintf("request limit %d", rule.Requests)
		case refresh && rule.Memory > 0 && w.backend.stats().RSS > rule.Memory:
			return fmt.Sprintf("memory limit %d MiB", rule.Memory>>20)
		}
	}
	return ""
}

// crossed reports whether the minute of the day lies in (last, now].
func crossed(last, now time.Time, minute int) bool {
	at := time.Date(now.Year(), now.Month(), now.Day(), minute/60, minute%60, 0, 0, now.Location())
	return last.Before(at) && !now.Before(at)
}
