package host

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/host/forwarder"
	"github.com/lannerhq/lanner/internal/host/process"
)

// worker is one process of an application.
type worker struct {
	app        *application
	id         int
	generation int
	backend    backend
	upstream   *forwarder.Upstream // of an out-of-process worker, once it is ready
	inproc     *inProcess          // of an in-process worker

	requests atomic.Int64
	active   atomic.Int64
	readyAt  time.Time // set before the worker is in its place
	unwell   int       // health checks that failed in a row; only the asking goroutine uses it

	// The application's mutex guards what follows.
	state    control.State
	since    time.Time
	why      string // it was retired
	replaced *worker
	startErr error
	started  chan struct{} // closed when the start has ended, well or not
	gone     chan struct{} // closed when the worker has left its place for good
}

// backend is a hosting model: how a worker's process starts, takes requests and ends.
type backend interface {
	// start returns when the worker is ready to take requests; or why it is not, with nothing of it left.
	start(ctx context.Context) error
	// activate is called when the worker has taken its place.
	activate()
	// stop ends the worker: no new requests, those it has may finish until ctx ends. It returns when the process is gone,
	// with an error when it had to be killed.
	stop(ctx context.Context) error
	// done is closed when the process has ended. It is valid after start has returned nil.
	done() <-chan struct{}
	// finish releases what outlived the process. It is called once, after done.
	finish()
	// exit says how the process ended; the zero value before.
	exit() process.ExitStatus
	pid() int
	port() int
	stats() process.Stats
	// refresh asks for counters that the host does not see by itself.
	refresh()
	// probe asks the worker for a path of its own and returns an error when the answer is 500 or more, or does not come.
	probe(ctx context.Context, path string) error
	// failure is what requests are answered when the worker cannot be started.
	failure(err error) *answer
}

func newWorker(a *application, id, generation int) *worker {
	w := &worker{app: a, id: id, generation: generation, state: control.Starting, since: time.Now(), started: make(chan struct{}), gone: make(chan struct{})}
	if a.cfg.Load().inProcess() {
		w.inproc = newInProcess(w)
		w.backend = w.inproc
	} else {
		w.backend = newOutOfProcess(w)
	}
	return w
}

func (w *worker) setStateLocked(s control.State) {
	w.state, w.since = s, time.Now()
}

// acquire counts a request, or a connection of an in-process worker; release ends it.
func (w *worker) acquire() {
	w.requests.Add(1)
	w.active.Add(1)
}

func (w *worker) release() {
	w.active.Add(-1)
	w.app.touch()
}

func (w *worker) load() int64     { return w.active.Load() }
func (w *worker) inProcess() bool { return w.inproc != nil }

// isReady reports whether w may be given requests; nil is not. The application's mutex is held.
func (w *worker) isReady() bool { return w != nil && w.state == control.Ready }
