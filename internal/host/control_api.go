package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/host/process"
)

var _ control.Host = (*Host)(nil)

// Status implements control.Host.
func (h *Host) Status() control.Status {
	h.mu.Lock()
	st := control.Status{
		Version: h.opts.Version, PID: os.Getpid(), State: h.state, Uptime: time.Since(h.began).Seconds(),
		ConfigFile: h.cfg.File, ConfigErrors: h.badConfig,
	}
	sites := make([]*site, 0, len(h.sites))
	for _, name := range sortedKeys(h.sites) {
		sites = append(sites, h.sites[name])
	}
	fronts := h.fronts
	h.mu.Unlock()
	for _, s := range sites {
		st.Sites = append(st.Sites, s.status(fronts))
	}
	return st
}

func (s *site) status(fronts map[string]*front) control.Site {
	out := control.Site{Name: s.name, State: control.Running, Bindings: s.urls(fronts)}
	for _, a := range s.apps {
		app := a.status()
		if app.State == control.Degraded {
			out.State = control.Degraded
		}
		out.Applications = append(out.Applications, app)
	}
	slices.SortFunc(out.Applications, func(a, b control.Application) int { return strings.Compare(a.Path, b.Path) })
	if s.paused.Load() {
		out.State = control.Stopped
	}
	return out
}

// urls lists the site's bindings with the ports that were really opened.
func (s *site) urls(fronts map[string]*front) []string {
	var out []string
	for _, key := range sortedKeys(fronts) {
		f := fronts[key]
		for _, e := range f.table.Load().entries {
			if e.site != s || len(f.urls) == 0 {
				continue
			}
			url := f.urls[0]
			if e.host != "" {
				url += " (" + e.host + ")"
			} else if e.addr != "" {
				url += " (" + e.addr + ")"
			}
			out = append(out, url)
		}
	}
	return out
}

func (a *application) status() control.Application {
	cfg := a.cfg.Load()
	a.mu.Lock()
	defer a.mu.Unlock()
	out := control.Application{
		Path: a.path, Hosting: string(cfg.app.Hosting), Pool: cfg.app.Pool, State: control.Running,
		QueueLength: cfg.pool.QueueLength, Queued: a.queued, Restarts: a.restarts, LastRestartReason: a.lastRestart,
		ColdStart: a.coldStart.Seconds(), Workers: []control.Worker{},
	}
	for _, p := range a.places {
		for _, w := range []*worker{p.current, p.starting} {
			if w != nil {
				out.Workers = append(out.Workers, w.statusLocked(p))
			}
		}
	}
	switch {
	case a.stopped || a.offline.Load() != nil:
		out.State = control.Stopped
	case time.Now().Before(a.notBefore) && a.pickLocked() == nil:
		out.State = control.Degraded
	case len(out.Workers) == 0 && a.failure != nil && a.failureNo > 0 && len(a.failures) > 0:
		out.State = control.Degraded
	}
	if out.LastRestartReason == "" && a.failure != nil && len(out.Workers) == 0 {
		out.LastRestartReason = firstLine(a.failure.detail)
	}
	return out
}

func (w *worker) statusLocked(p *place) control.Worker {
	out := control.Worker{
		ID: w.id, Generation: w.generation, State: w.state, Since: w.since, Requests: w.requests.Load(), Active: int(w.active.Load()),
		Restarts: p.restarts, LastExit: p.lastExit,
	}
	if w.state != control.Ready {
		return out // its process is not known yet
	}
	stats := w.backend.stats()
	out.PID, out.Port, out.CPUSeconds, out.RSSBytes = w.backend.pid(), w.backend.port(), stats.CPU.Seconds(), stats.RSS
	return out
}

// find returns a site, or the error that names the nearest.
func (h *Host) find(name string) (*site, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.sites[name]; s != nil {
		return s, nil
	}
	return nil, control.UnknownSite(name, sortedKeys(h.sites))
}

// Recycle implements control.Host.
func (h *Host) Recycle(ctx context.Context, name string) ([]control.Step, error) {
	s, err := h.find(name)
	if err != nil {
		return nil, err
	}
	if s.paused.Load() {
		return nil, &control.Error{Status: 409, Message: "site " + name + " is stopped", Hint: "start it with \"lanner start " + name + "\""}
	}
	var steps []control.Step
	for _, a := range s.apps {
		did, err := a.recycle(ctx, "by command")
		steps = append(steps, did...)
		if errors.Is(err, errRecycling) {
			return steps, &control.Error{Status: 409, Message: "application " + a.name() + ": " + err.Error(), Hint: "try again when it is through"}
		}
		if err != nil {
			return steps, err
		}
	}
	return steps, nil
}

// StopSite implements control.Host. The site's addresses stay open and answer 503, so that no other program takes them.
func (h *Host) StopSite(ctx context.Context, name string) error { return h.pause(ctx, name, true) }

// StartSite implements control.Host.
func (h *Host) StartSite(ctx context.Context, name string) error { return h.pause(ctx, name, false) }

func (h *Host) pause(ctx context.Context, name string, on bool) error {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	s, err := h.find(name)
	if err != nil {
		return err
	}
	s.paused.Store(on)
	var wg sync.WaitGroup
	for _, a := range s.apps {
		wg.Go(func() { a.setStopped(on, "the site was stopped") })
	}
	wg.Wait()
	return ctx.Err()
}

// Logs implements control.Host.
func (h *Host) Logs(ctx context.Context, query control.LogQuery, emit func(control.LogLine) error) error {
	s, err := h.find(query.Site)
	if err != nil {
		return err
	}
	var apps []*application
	for _, a := range s.apps {
		if query.Application == "" || query.Application == a.path {
			apps = append(apps, a)
		}
	}
	if len(apps) == 0 {
		return &control.Error{Status: 404, Message: "site " + query.Site + " has no application " + query.Application}
	}
	var lines []control.LogLine
	for _, a := range apps {
		for _, l := range a.output.Tail() {
			lines = append(lines, a.logLine(l))
		}
	}
	slices.SortStableFunc(lines, func(a, b control.LogLine) int { return a.Time.Compare(b.Time) })
	if query.Tail >= 0 && len(lines) > query.Tail {
		lines = lines[len(lines)-query.Tail:]
	}
	last := time.Time{}
	for _, l := range lines {
		last = l.Time
		if err := emit(l); err != nil {
			return err
		}
	}
	if !query.Follow {
		return nil
	}
	return followLogs(ctx, apps, last, emit)
}

// followLogs passes on lines that come after last.
func followLogs(ctx context.Context, apps []*application, last time.Time, emit func(control.LogLine) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	lines := make(chan control.LogLine)
	for _, a := range apps {
		wg.Go(func() {
			f := a.output.Follow()
			defer f.Close()
			for {
				select {
				case l, ok := <-f.Lines():
					if !ok {
						return
					}
					if !l.Time.After(last) {
						continue
					}
					select {
					case lines <- a.logLine(l):
					case <-ctx.Done():
						return
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for {
		select {
		case l := <-lines:
			if err := emit(l); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *application) logLine(l process.Line) control.LogLine {
	id := 0
	if i := strings.LastIndexByte(l.Process, '/'); i >= 0 {
		id, _ = strconv.Atoi(l.Process[i+1:])
	}
	return control.LogLine{Time: l.Time, Site: a.site, Application: a.path, Worker: id, PID: l.PID, Stream: string(l.Stream), Text: l.Text}
}

// Config implements control.Host.
func (h *Host) Config() any {
	h.mu.Lock()
	cfg := h.cfg
	h.mu.Unlock()
	var b bytes.Buffer
	if err := config.Show(&b, cfg, config.ShowOptions{JSON: true}); err != nil {
		return map[string]string{"error": err.Error()}
	}
	return json.RawMessage(b.Bytes())
}
