package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/host/process"
)

// application is one application of a site: its workers, the requests that wait for one, and the rules by which workers
// are started, replaced and stopped.
//
// Each of its pool's processes is a place. A place is empty, starting, or filled; while a worker is being replaced, the
// old one has left the place and drains.
//
//	          start                 ready                     exit unasked
//	empty ───────────▶ starting ───────────▶ filled ─────────────────────────▶ empty, and started again
//	  ▲                   │ failed             │ recycle: another starts, takes the place when ready; this one drains
//	  └───────────────────┘                    │ idle, offline, stopped: drains
//	  └────────────────────────────────────────┘
type application struct {
	host *Host
	site string
	path string
	cfg  atomic.Pointer[appConfig]
	log  *slog.Logger

	file   *process.File
	output *process.Output

	ctx      context.Context // ends when the application is closed: starts under way are given up
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	activity atomic.Int64 // when there last was a request, in nanoseconds
	hosted   atomic.Bool  // requests are an in-process worker's; see settleModelLocked
	offline  atomic.Pointer[answer]

	offlineMu sync.Mutex  // one look at app_offline.htm at a time
	asking    atomic.Bool // a health check is under way
	asked     time.Time   // when the last began; only maintain uses it

	mu         sync.Mutex
	places     []*place
	stopped    bool // by an operator, or for good
	queued     int
	changed    chan struct{} // closed and replaced when a worker became ready, or could not, and when a recycle ends
	generation int
	lastWorker int
	recycling  bool
	changing   bool // a reload waits for its recycle; see recycleForChange

	failures    []time.Time // within the window of rapid-fail protection
	notBefore   time.Time   // no start before
	failure     *answer     // of the last start that failed
	failureNo   int
	restarts    int
	lastRestart string
	coldStart   time.Duration
}

// appConfig is what an application is configured as, at one moment.
type appConfig struct {
	app       config.Application
	pool      config.Pool
	limits    config.Limits
	httpsPort int    // the only https port of the site, or 0
	hostName  string // a name that the site is bound to, or ""
}

func (c *appConfig) inProcess() bool { return c.app.Hosting == config.InProcess }

// place is one of the pool's processes.
type place struct {
	current  *worker
	starting *worker
	restarts int
	lastExit *control.Exit
}

func (h *Host) newApplication(site string, cfg *appConfig) *application {
	a := &application{host: h, site: site, path: cfg.app.Path, changed: make(chan struct{})}
	a.log = h.log.With("site", site, "application", a.path)
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.cfg.Store(cfg)
	a.hosted.Store(cfg.inProcess())
	a.touch()
	a.file = process.NewFile(process.FileOptions{
		Path: cfg.app.Stdout.File, MaxSize: cfg.app.Stdout.MaxSize, MaxFiles: cfg.app.Stdout.MaxFiles,
		Report: func(err error) { a.reportFile(cfg.app.Stdout.File, err) },
	})
	a.output = process.NewOutput(process.OutputOptions{File: a.file})
	return a
}

func (a *application) reportFile(path string, err error) {
	if err != nil {
		a.log.Error("cannot write the output of workers; it is kept in memory only", "file", path, "error", err)
		return
	}
	a.log.Info("the output of workers is written again", "file", path)
}

func (a *application) name() string       { return a.site + a.path }
func (a *application) inProcess() bool    { return a.hosted.Load() }
func (a *application) touch()             { a.activity.Store(time.Now().UnixNano()) }
func (a *application) lastUse() time.Time { return time.Unix(0, a.activity.Load()) }

// answersItself reports whether requests for an in-process application are answered by the host for now.
func (a *application) answersItself() bool { return a.offline.Load() != nil }

func (a *application) hasReady() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pickLocked() != nil
}

// believesReady reports whether a worker would be given requests.
func (a *application) believesReady(w *worker) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.isReady()
}

// tryAcquire returns a worker, or the answer when there will be none, or neither when the caller must wait.
func (a *application) tryAcquire() (*worker, *answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.touch()
	if no := a.refusalLocked(); no != nil {
		return nil, no
	}
	if w := a.pickLocked(); w != nil {
		w.acquire()
		return w, nil
	}
	return nil, nil
}

// acquire returns a worker, starting one when there is none, or the answer to give instead. It waits in the pool's queue.
func (a *application) acquire(ctx context.Context) (*worker, *answer) {
	a.touch()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.queued >= a.cfg.Load().pool.QueueLength {
		return nil, &answer{status: 503, title: "Service Unavailable", detail: "the request queue of the application is full", retryAfter: time.Second}
	}
	a.queued++
	defer func() { a.queued-- }()
	failureNo := a.failureNo
	for {
		if no := a.refusalLocked(); no != nil {
			return nil, no
		}
		if w := a.pickLocked(); w != nil {
			w.acquire()
			return w, nil
		}
		if a.failureNo != failureNo {
			return nil, a.failure
		}
		a.startMissingLocked()
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		a.mu.Lock()
		if ctx.Err() != nil {
			return nil, &answer{status: 503, title: "Service Unavailable", detail: "the request was given up while it waited for the application"}
		}
	}
}

// refusalLocked is the answer when no worker may be used or started now.
func (a *application) refusalLocked() *answer {
	if page := a.offline.Load(); page != nil {
		return page
	}
	if a.stopped {
		return &answer{status: 503, title: "Service Unavailable", detail: "the site is stopped"}
	}
	if wait := time.Until(a.notBefore); wait > 0 && a.pickLocked() == nil && a.failure != nil {
		no := *a.failure
		no.retryAfter = wait
		return &no
	}
	return nil
}

// pickLocked returns the ready worker with the least to do, of those of the hosting model in force.
func (a *application) pickLocked() *worker {
	var best *worker
	for _, p := range a.places {
		if w := p.current; w.isReady() && w.inProcess() == a.inProcess() && (best == nil || w.load() < best.load()) {
			best = w
		}
	}
	return best
}

// settleModelLocked notes the hosting model by which requests are served: that of the newest worker that is ready, and the
// configured one while there is none. So a reload that changes the model changes whose the requests are when the first worker of
// the new model has come, and until then those of the old one go on.
func (a *application) settleModelLocked() {
	var newest *worker
	for _, p := range a.places {
		if w := p.current; w.isReady() && (newest == nil || w.id > newest.id) {
			newest = w
		}
	}
	inProcess := a.cfg.Load().inProcess()
	if newest != nil {
		inProcess = newest.inProcess()
	}
	a.hosted.Store(inProcess)
}

// settleModel is called after the configuration has changed.
func (a *application) settleModel() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settleModelLocked()
}

// startMissingLocked starts a worker in every empty place.
func (a *application) startMissingLocked() {
	if time.Now().Before(a.notBefore) || a.stopped {
		return
	}
	a.fitPlacesLocked()
	for _, p := range a.places {
		if p.current == nil && p.starting == nil {
			a.startLocked(p)
		}
	}
}

// fitPlacesLocked makes as many places as the pool has processes. Places beyond are left to drain by a recycle.
func (a *application) fitPlacesLocked() {
	for len(a.places) < a.cfg.Load().pool.MaxProcesses {
		a.places = append(a.places, &place{})
	}
}

// startLocked begins to start a worker for a place.
func (a *application) startLocked(p *place) *worker {
	if a.generation == 0 {
		a.generation = 1
	}
	a.lastWorker++
	w := newWorker(a, a.lastWorker, a.generation)
	p.starting = w
	a.wg.Go(func() { a.run(p, w) })
	return w
}

// run is a worker's life: started, in its place, ended.
func (a *application) run(p *place, w *worker) {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(a.ctx, a.cfg.Load().pool.StartupTimeLimit, errStartTime)
	err := w.backend.start(ctx)
	cancel()
	if err != nil {
		a.startFailed(p, w, err)
		return
	}
	a.becameReady(p, w, time.Since(began))
	<-w.backend.done()
	a.ended(p, w)
}

var errStartTime = fmt.Errorf("it was not ready within its start time limit")

func (a *application) startFailed(p *place, w *worker, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.starting = nil
	w.setStateLocked(control.Failed)
	w.startErr = err
	close(w.started)
	if a.ctx.Err() == nil && !a.stopped {
		p.lastExit = &control.Exit{Reason: firstLine(err.Error()), Code: w.backend.exit().Code, At: time.Now()}
		a.failure = w.backend.failure(err)
		a.log.Error(eventStartFailed.msg, eventStartFailed.id, "worker", w.id, "error", err)
		a.noteFailureLocked()
	}
	a.failureNo++
	a.broadcastLocked()
}

func (a *application) becameReady(p *place, w *worker, took time.Duration) {
	a.mu.Lock()
	p.starting = nil
	w.readyAt = time.Now()
	w.setStateLocked(control.Ready)
	w.replaced = p.current
	p.current = w
	if a.queued > 0 {
		a.coldStart = took
	}
	if a.stopped || a.offline.Load() != nil {
		p.current = nil // it came too late
	}
	late := p.current == nil
	was := a.inProcess()
	a.settleModelLocked()
	moved := a.inProcess() && !was
	a.mu.Unlock()
	if moved {
		a.host.drainHTTP2(a)
	}
	if late {
		a.retire(w, "the application was stopped while it started")
	} else {
		w.backend.activate()
	}
	a.log.Info(eventWorkerReady.msg, eventWorkerReady.id, "worker", w.id, "pid", w.backend.pid(), "generation", w.generation, "after", took.Round(time.Millisecond))
	a.mu.Lock()
	close(w.started)
	a.broadcastLocked()
	a.mu.Unlock()
}

// ended takes note of a worker that is gone, and starts another when nobody asked it to go.
func (a *application) ended(p *place, w *worker) {
	status := w.backend.exit()
	a.mu.Lock()
	expected := w.state == control.Draining || w.state == control.Stopping || a.stopped
	w.setStateLocked(control.Stopped)
	if p.current == w {
		p.current = nil
		a.settleModelLocked()
	}
	reason := status.String()
	if expected {
		reason = w.why
	}
	p.lastExit = &control.Exit{Reason: reason, Code: status.Code, At: time.Now()}
	if status.Signal != 0 {
		p.lastExit.Signal = status.Signal.String()
	}
	if !expected {
		a.log.Warn(eventWorkerExit.msg, eventWorkerExit.id, "worker", w.id, "pid", w.backend.pid(), "reason", reason)
		p.restarts++
		a.restarts++
		a.lastRestart = "worker " + fmt.Sprint(w.id) + " ended: " + reason
		a.failure = w.backend.failure(fmt.Errorf("the worker ended: %s", reason))
		a.noteFailureLocked()
		a.startMissingLocked()
	} else {
		a.log.Info(eventWorkerStopped.msg, eventWorkerStopped.id, "worker", w.id, "reason", w.why)
	}
	a.broadcastLocked()
	close(w.gone)
	a.mu.Unlock()
	w.backend.finish()
}

// noteFailureLocked counts a failed start or a crash; too many within the window delay the next start, each time longer.
func (a *application) noteFailureLocked() {
	rule := a.cfg.Load().pool.RapidFail
	if rule.Failures <= 0 {
		return
	}
	now := time.Now()
	recent := a.failures[:0]
	for _, at := range a.failures {
		if now.Sub(at) < rule.Window {
			recent = append(recent, at)
		}
	}
	a.failures = append(recent, now)
	over := len(a.failures) - rule.Failures
	if over < 0 {
		return
	}
	delay := rule.MaxDelay
	if over < 16 {
		delay = min(rule.FirstDelay<<over, rule.MaxDelay)
	}
	a.notBefore = now.Add(delay)
	a.log.Warn(eventRapidFail.msg, eventRapidFail.id, "failures", len(a.failures), "delay", delay)
}

func (a *application) broadcastLocked() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// retire lets a worker that has left its place end: gracefully within the pool's shutdown time limit.
func (a *application) retire(w *worker, why string) {
	a.mu.Lock()
	if w.state == control.Draining || w.state == control.Stopped || w.state == control.Failed {
		a.mu.Unlock()
		return
	}
	w.setStateLocked(control.Draining)
	w.why = why
	a.mu.Unlock()
	a.wg.Go(func() {
		ctx, cancel := context.WithTimeout(a.host.aborting, a.cfg.Load().pool.ShutdownTimeLimit)
		defer cancel()
		if err := w.backend.stop(ctx); err != nil {
			a.log.Warn(eventShutdownForced.msg, eventShutdownForced.id, "worker", w.id, "error", err)
		}
	})
}

// retireAll empties all places and returns what was in them.
func (a *application) retireAll(why string) []*worker {
	a.mu.Lock()
	var workers []*worker
	for _, p := range a.places {
		if p.current != nil {
			workers = append(workers, p.current)
			p.current = nil
		}
	}
	a.settleModelLocked()
	a.mu.Unlock()
	for _, w := range workers {
		a.retire(w, why)
	}
	return workers
}

// setStopped stops the application or lets it start again.
func (a *application) setStopped(on bool, why string) {
	a.mu.Lock()
	a.stopped = on
	if !on {
		a.failures, a.notBefore = nil, time.Time{} // an operator's start is a fresh start
	}
	a.broadcastLocked()
	a.mu.Unlock()
	if on {
		for _, w := range a.retireAll(why) {
			<-w.backend.done()
		}
		return
	}
	a.preload()
}

// preload starts the workers of a pool that is always running.
func (a *application) preload() {
	if a.cfg.Load().pool.StartMode == config.AlwaysRunning && a.offline.Load() == nil {
		a.mu.Lock()
		a.startMissingLocked()
		a.mu.Unlock()
	}
}

// close ends the application for good.
func (a *application) close() {
	a.mu.Lock()
	a.stopped = true
	a.broadcastLocked()
	a.mu.Unlock()
	a.cancel()
	a.retireAll("the host stops")
	a.wg.Wait()
	a.output.Close()
	a.file.Close()
}

func firstLine(s string) string {
	for i := range len(s) {
		if s[i] == '\n' {
			return s[:i]
		}
	}
	return s
}
