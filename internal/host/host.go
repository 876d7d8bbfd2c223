package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/host/forwarder"
	"github.com/lannerhq/lanner/internal/host/module"
	"github.com/lannerhq/lanner/internal/host/process"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/internal/tlsconfig"
	"github.com/lannerhq/lanner/server"
)

// Options configures a Host beside its configuration file.
type Options struct {
	// Logger takes the host's events. Nil means slog.Default.
	Logger *slog.Logger
	// Version is shown by lanner status.
	Version string
	// Socket is where the control API listens; empty means the configuration's control.socket.
	Socket string
	// Reload asks for the configuration to be read again, Reopen for all log files to be opened again (logrotate). Either
	// may be nil.
	Reload, Reopen <-chan struct{}
	// Load reads the configuration again for a reload. Nil means config.Load of the file that cfg came from.
	Load func() (*config.Config, error)
	// Development shows details of failures, such as the last output of a program, on the pages that clients get.
	Development bool
	// CertificateInterval is how often the files of certificates are looked at. Zero means 5 s.
	CertificateInterval time.Duration
	// Guard starts the process that ends all workers should the host be killed (see process.Options.Guard).
	Guard bool
}

// Host runs the sites of a configuration. Make it with New, then call Run once. Its other methods implement control.Host
// and are safe from any goroutine while it runs.
type Host struct {
	opts        Options
	log         *slog.Logger
	development bool
	began       time.Time
	features    *server.Features
	nextSocket  atomic.Uint32
	lastKey     atomic.Uint64 // numbers the keys that workers have signatures by

	supervisor *process.Supervisor
	ports      *module.Ports
	forwarder  *forwarder.Forwarder
	links      *httpconn.Manager // those that no worker has

	linkEndpoints map[string]*httpconn.Endpoint // of links, by the scheme of their client's front
	control       *control.Server
	tickets       *tlsconfig.TicketKeys     // of https; nil until a binding needs them. Guarded by reloading
	automatic     atomic.Pointer[automatic] // certificates by ACME; nil while no binding has any

	ctx      context.Context // ends when the host begins to stop
	cancel   context.CancelFunc
	stopping chan struct{}   // closed with it
	aborting context.Context // ends when the host's shutdown time limit is over
	abort    context.CancelFunc
	waiting  group          // connections that wait for a worker
	wg       sync.WaitGroup // the host's own goroutines

	reloading sync.Mutex // one change at a time
	mu        sync.Mutex
	cfg       *config.Config
	sites     map[string]*site
	fronts    map[string]*front
	badConfig *control.ConfigErrors
	state     control.State
}

// New returns a host for cfg. Nothing is opened or started yet.
func New(cfg *config.Config, opts Options) (*Host, error) {
	h := &Host{
		opts: opts, log: opts.Logger, development: opts.Development, began: time.Now(), features: server.NewFeatures(nil), cfg: cfg,
		ports: module.NewPorts(), forwarder: forwarder.New(), stopping: make(chan struct{}),
		sites: make(map[string]*site), fronts: make(map[string]*front), state: control.Starting,
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	if h.opts.Socket == "" {
		h.opts.Socket = cfg.Control.Socket
	}
	if h.opts.Load == nil {
		h.opts.Load = func() (*config.Config, error) { return config.Load(cfg.File) }
	}
	var err error
	h.supervisor, err = process.New(process.Options{Log: h.log, Subreaper: true, Guard: opts.Guard})
	if err != nil {
		h.forwarder.Close()
		return nil, fmt.Errorf("cannot supervise processes: %w", err)
	}
	h.links = h.newLinkManager()
	h.linkEndpoints = map[string]*httpconn.Endpoint{"http": {Name: "link", Scheme: "http"}, "https": {Name: "link", Scheme: "https"}}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.aborting, h.abort = context.WithCancel(context.Background())
	return h, nil
}

// Run opens all bindings, serves until ctx ends, and stops within the configured shutdown time limit. ready, which may be
// nil, is called with the addresses once they are open.
func (h *Host) Run(ctx context.Context, ready func(addresses []string)) error {
	if err := h.start(ctx); err != nil {
		h.stop()
		return err
	}
	h.wg.Go(h.maintain)
	h.wg.Go(h.watchOffline)
	h.wg.Go(h.obey)
	if ready != nil {
		ready(h.addresses())
	}
	<-ctx.Done()
	return h.stop()
}

// obey does what Options.Reload and Reopen ask for.
func (h *Host) obey() {
	for {
		select {
		case <-h.stopping:
			return
		case <-h.opts.Reload:
			h.Reload(h.ctx) // it logs, and lanner status shows, what is wrong
		case <-h.opts.Reopen:
			for _, a := range h.applications() {
				a.file.Reopen()
			}
		}
	}
}

// start opens the control socket and every site.
func (h *Host) start(ctx context.Context) error {
	api, err := control.NewServer(h, control.Options{Socket: h.opts.Socket, Logger: h.log})
	if err != nil {
		return err
	}
	if err := api.Start(); err != nil {
		return err
	}
	h.control = api
	if _, err := h.apply(ctx, h.cfg); err != nil {
		return err
	}
	h.mu.Lock()
	h.state = control.Running
	h.mu.Unlock()
	return nil
}

// stop ends everything in an order that loses nothing: no new connections, then the workers, whose idle connections come
// back and are closed, then the connections that the host serves.
func (h *Host) stop() error {
	h.mu.Lock()
	h.state = control.Stopping
	limit := h.cfg.ShutdownTimeLimit
	fronts, sites := values(h.fronts), values(h.sites)
	h.mu.Unlock()
	time.AfterFunc(limit, h.abort)
	h.cancel()
	close(h.stopping)
	for _, f := range fronts {
		f.closeSockets()
		f.manager.Load().Drain()
	}
	var wg sync.WaitGroup
	for _, s := range sites {
		for _, a := range s.apps {
			wg.Go(a.close)
		}
	}
	wg.Wait()
	h.waiting.Close()
	var errs []error
	for _, f := range fronts {
		errs = append(errs, f.manager.Load().Stop(h.aborting))
		f.closeSecurity()
	}
	errs = append(errs, h.links.Stop(h.aborting), h.stopAutomatic())
	h.abort()
	h.wg.Wait()
	if h.tickets != nil {
		h.tickets.Close()
	}
	if h.control != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		h.control.Stop(ctx)
	}
	h.forwarder.Close()
	errs = append(errs, h.supervisor.Close())
	return errors.Join(errs...)
}

func values[K comparable, V any](m map[K]V) []V {
	var out []V
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// applications lists all applications of all sites.
func (h *Host) applications() []*application {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*application
	for _, s := range h.sites {
		out = append(out, s.apps...)
	}
	return out
}

// addresses lists the URLs of all fronts, sorted.
func (h *Host) addresses() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, key := range sortedKeys(h.fronts) {
		out = append(out, slices.Compact(slices.Clone(h.fronts[key].urls))...) // localhost is two sockets
	}
	return out
}

// anyFront returns one of the fronts, nil when there is none.
func (h *Host) anyFront() *front {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.fronts {
		return f
	}
	return nil
}

// socket finds a listening socket by its number.
func (h *Host) socket(id uint32) *socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.fronts {
		for _, s := range f.sockets {
			if s.id == id {
				return s
			}
		}
	}
	return nil
}

func (h *Host) event(level slog.Level, e event, attrs ...slog.Attr) {
	h.log.LogAttrs(context.Background(), level, e.msg, append(attrs, e.id)...)
}

// group is a WaitGroup that can be closed: Go reports false afterwards.
type group struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

func (g *group) Go(fn func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.wg.Go(fn)
	return true
}

func (g *group) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wg.Wait()
}
