package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/host/config"

	"github.com/lannerhq/lanner/internal/handover"
)

// maxUnwell is how many health checks in a row may fail before the workers are replaced: one bad answer is a hiccup.
const maxUnwell = 3

// checkHealth asks each worker of an application with a health check whether it is well, when it is time. It runs on a
// goroutine of the application's, one at a time.
func (a *application) checkHealth(now time.Time, check *config.HealthCheck, workers []*worker) {
	if check == nil || len(workers) == 0 || now.Sub(a.asked) < check.Interval || !a.asking.CompareAndSwap(false, true) {
		return
	}
	a.asked = now
	a.wg.Go(func() {
		defer a.asking.Store(false)
		for _, w := range workers {
			a.ask(w, check)
		}
	})
}

// ask puts the question to one worker. Workers that keep answering badly are replaced.
func (a *application) ask(w *worker, check *config.HealthCheck) {
	ctx, cancel := context.WithTimeout(a.ctx, check.Timeout)
	defer cancel()
	err := w.backend.probe(ctx, strings.TrimSuffix(a.path, "/")+check.Path)
	if err == nil || a.ctx.Err() != nil {
		w.unwell = 0
		return
	}
	w.unwell++
	a.log.Warn(eventUnhealthy.msg, eventUnhealthy.id, "worker", w.id, "failures", w.unwell, "error", err)
	if w.unwell >= maxUnwell {
		w.unwell = 0
		a.recycle(a.ctx, fmt.Sprintf("health check failed %d times: %v", maxUnwell, err)) // it logs its errors
	}
}

// probe implements backend: a GET like any other, over a connection of the host's own.
func (p *inProcess) probe(ctx context.Context, path string) error {
	near, far, err := handover.Pair()
	if err != nil {
		return err
	}
	defer near.Close()
	d := &delivery{front: p.w.app.host.anyFront(), copy: far, app: p.w.app, arrival: time.Now()}
	if d.front != nil && d.front.encrypted() {
		d.client = new(handover.Client)
	}
	if d.front == nil || !p.hand(d) {
		far.Close()
		return errors.New("the worker takes no connections")
	}
	return get(ctx, near, path, orLocalhost(p.w.app.cfg.Load().hostName))
}

func orLocalhost(name string) string {
	if name == "" {
		return "localhost"
	}
	return name
}

// get asks for path and wants a status below 500.
func get(ctx context.Context, nc net.Conn, path, host string) error {
	if deadline, ok := ctx.Deadline(); ok {
		nc.SetDeadline(deadline)
	}
	if _, err := fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode >= 500 {
		return fmt.Errorf("GET %s answered %d", path, resp.StatusCode)
	}
	return nil
}
