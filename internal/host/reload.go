package host

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/route"
	"github.com/lannerhq/lanner/kestrel"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Reload implements control.Host: it reads the configuration file again and brings the host to it. With a mistake in the
// file, or an address that cannot be opened, nothing changes.
func (h *Host) Reload(ctx context.Context) (control.ReloadResult, error) {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	cfg, err := h.opts.Load()
	if err == nil {
		var changes []control.Change
		if changes, err = h.apply(ctx, cfg); err == nil {
			h.noteConfig(nil)
			h.event(slog.LevelInfo, eventReloaded, slog.String("file", cfg.File), slog.Int("changes", len(changes)))
			return control.ReloadResult{ConfigFile: cfg.File, Changes: changes}, nil
		}
	}
	h.noteConfig(err)
	h.event(slog.LevelError, eventReloadFailed, slog.Any("error", err))
	return control.ReloadResult{}, &control.Error{
		Status: 422, Message: err.Error(), Hint: "the running configuration stays in force; \"lanner config check\" shows the same",
	}
}

// noteConfig remembers what is wrong with the file, for lanner status.
func (h *Host) noteConfig(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.badConfig = nil
		return
	}
	since := time.Now()
	if h.badConfig != nil {
		since = h.badConfig.Since
	}
	h.badConfig = &control.ConfigErrors{Since: since, Errors: problems(err)}
}

func problems(err error) []string {
	if list, ok := errors.AsType[*config.Errors](err); ok {
		var out []string
		for _, p := range list.Problems {
			out = append(out, p.String())
		}
		return out
	}
	return []string{err.Error()}
}

// apply brings the host to cfg: it opens what is new first, so that a failure changes nothing, then switches, then closes
// what is no longer wanted. What is the same in both configurations is not touched.
func (h *Host) apply(ctx context.Context, cfg *config.Config) ([]control.Change, error) {
	wanted := bindings(cfg)
	automatic, wrong := h.prepareAutomatic(cfg)
	if wrong != nil {
		return nil, cfg.Refuse(*wrong)
	}
	certificates, err := h.readCertificates(cfg, wanted)
	if err != nil {
		return nil, err
	}
	opened, err := h.openMissing(ctx, wanted)
	if err != nil {
		discard(certificates)
		return nil, err
	}
	h.mu.Lock()
	old := h.cfg
	oldSites, oldFronts := h.sites, h.fronts
	sites, recycle, fresh := h.buildSitesLocked(cfg)
	fronts := make(map[string]*front, len(wanted))
	for key := range wanted {
		if fronts[key] = oldFronts[key]; fronts[key] == nil {
			fronts[key] = opened[key]
		}
	}
	h.cfg, h.sites, h.fronts = cfg, sites, fronts
	for key, entries := range wanted {
		list := make([]tableEntry, 0, len(entries))
		for _, e := range entries {
			entry := tableEntry{addr: e.addr, host: e.host, site: sites[e.site]}
			if e.client != nil {
				entry.client = *e.client
			}
			list = append(list, entry)
		}
		fronts[key].setTable(newTable(list))
	}
	h.mu.Unlock()
	h.useAutomatic(automatic) // the sockets are open, so that an authority's validation finds them
	for key, p := range certificates {
		fronts[key].use(p)
	}

	for key, f := range fronts {
		limits := h.widest(wanted[key], cfg)
		if opened[key] != nil {
			f.start(limits)
			for _, url := range slices.Compact(slices.Clone(f.urls)) { // localhost is two sockets
				h.event(slog.LevelInfo, eventListening, slog.String("address", url))
			}
		} else {
			f.setLimits(limits)
		}
	}
	h.afterSwitch(oldSites, oldFronts, recycle, fresh)
	if len(oldSites) == 0 {
		return nil, nil // the first configuration is no change
	}
	return changeList(config.Diff(old, cfg)), nil
}

// ownershipTime bounds how long a reload waits for the workers to know what is theirs: until then, a worker may serve a
// request that now belongs to another application.
const ownershipTime = 2 * time.Second

// afterSwitch closes what is gone and renews what has changed. When it returns, the workers that stay act by the new configuration.
func (h *Host) afterSwitch(oldSites map[string]*site, oldFronts map[string]*front, recycle, fresh []*application) {
	h.mu.Lock()
	kept := make(map[*application]bool)
	for _, s := range h.sites {
		for _, a := range s.apps {
			kept[a] = true
		}
	}
	fronts := h.fronts
	h.mu.Unlock()
	var told []func(context.Context)
	for a := range kept {
		h.tellOwnership(a)
		h.shareSockets(a)
		told = append(told, a.pingWorkers()...)
	}
	for key, f := range oldFronts {
		if fronts[key] != f {
			h.wg.Go(func() { f.stop(h.aborting) })
		}
	}
	for _, s := range oldSites {
		for _, a := range s.apps {
			if !kept[a] {
				h.wg.Go(a.close)
			}
		}
	}
	for _, a := range recycle {
		a.wg.Go(a.recycleForChange)
	}
	for _, a := range fresh {
		a.checkOffline()
		a.preload()
	}
	ctx, cancel := context.WithTimeout(h.aborting, ownershipTime)
	defer cancel()
	for _, wait := range told {
		wait(ctx)
	}
}

// pingWorkers asks the workers that serve connections themselves for a sign that they have heard what is theirs. The
// functions it returns wait for it.
func (a *application) pingWorkers() (waits []func(context.Context)) {
	for _, w := range a.ready() {
		if p := w.inproc; p != nil {
			answer := p.ping()
			waits = append(waits, func(ctx context.Context) {
				select {
				case <-answer:
				case <-p.ended:
				case <-ctx.Done():
					a.log.Warn("the worker has not said that it knows the new configuration", "worker", w.id, "after", ownershipTime)
				}
			})
		}
	}
	return waits
}

// binding is what a front needs to know of a site's binding.
type binding struct {
	addr, host, site string
	certificate      *config.Certificate
	client           *config.ClientCertificate
	path             string // in the configuration
}

// bindings groups the bindings of all sites by the socket they need. Where one site is bound to every address of a port
// and another to one address of it, one socket serves both.
func bindings(cfg *config.Config) map[string][]binding {
	everywhere := make(map[int]bool)
	for _, s := range cfg.Sites {
		for _, b := range s.Bindings {
			if b.Address == "*" && b.Port != 0 {
				everywhere[b.Port] = true
			}
		}
	}
	out := make(map[string][]binding)
	for _, name := range sortedKeys(cfg.Sites) {
		for i, b := range cfg.Sites[name].Bindings {
			key := frontKey(b)
			if b.Port == 0 && b.UnixPath() == "" {
				key += "#" + name + strconv.Itoa(i) // a free port of its own
			}
			at := binding{host: b.Host, site: name, certificate: b.Certificate, client: b.ClientCertificate, path: config.BindingPath(name, i)}
			if b.Address == "*" || !everywhere[b.Port] || b.UnixPath() != "" {
				out[key] = append(out[key], at)
				continue
			}
			shared := frontKey(config.Binding{Protocol: b.Protocol, Address: "*", Port: b.Port})
			for _, addr := range localAddrs(b.Address) {
				at.addr = addr
				out[shared] = append(out[shared], at)
			}
		}
	}
	return out
}

func localAddrs(address string) []string {
	if address == "localhost" {
		return []string{"127.0.0.1", "::1"}
	}
	if ip := net.ParseIP(address); ip != nil {
		return []string{ip.String()}
	}
	return []string{address}
}

// frontKey is the URL of the socket that a binding needs.
func frontKey(b config.Binding) string {
	scheme := string(b.Protocol)
	if path := b.UnixPath(); path != "" {
		return scheme + "://unix:" + path
	}
	if strings.Contains(b.Address, ":") && !strings.HasPrefix(b.Address, "[") {
		return scheme + "://[" + b.Address + "]:" + strconv.Itoa(b.Port)
	}
	return scheme + "://" + b.Address + ":" + strconv.Itoa(b.Port)
}

// openMissing opens the sockets that are not open yet; all of them, or none.
func (h *Host) openMissing(ctx context.Context, wanted map[string][]binding) (map[string]*front, error) {
	opened := make(map[string]*front)
	h.mu.Lock()
	have := maps.Clone(h.fronts)
	h.mu.Unlock()
	var errs []error
	for _, key := range sortedKeys(wanted) {
		if have[key] != nil {
			continue
		}
		f, err := h.openFront(ctx, key)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		opened[key] = f
	}
	if len(errs) > 0 {
		for _, f := range opened {
			for _, s := range f.sockets {
				s.listener.Close()
			}
		}
		return nil, errors.Join(errs...)
	}
	return opened, nil
}

// buildSitesLocked makes the sites of cfg from the applications that exist and new ones.
func (h *Host) buildSitesLocked(cfg *config.Config) (sites map[string]*site, recycle, fresh []*application) {
	sites = make(map[string]*site, len(cfg.Sites))
	for name, sc := range cfg.Sites {
		old := h.sites[name]
		s := &site{name: name, cfg: sc}
		s.paused.Store(old == nil && !sc.AutoStart || old != nil && old.paused.Load())
		for i := range sc.Applications {
			ac := newAppConfig(cfg, sc, &sc.Applications[i])
			a := old.application(ac.app.Path)
			switch {
			case a == nil:
				a = h.newApplication(name, ac)
				a.stopped = s.paused.Load()
				fresh = append(fresh, a)
			case !reflect.DeepEqual(*a.cfg.Load(), *ac):
				a.cfg.Store(ac)
				a.settleModel()
				recycle = append(recycle, a)
			}
			s.apps = append(s.apps, a)
		}
		sortApps(s.apps)
		sites[name] = s
	}
	return sites, recycle, fresh
}

func (s *site) application(path string) *application {
	if s == nil {
		return nil
	}
	for _, a := range s.apps {
		if a.path == path {
			return a
		}
	}
	return nil
}

func newAppConfig(cfg *config.Config, s *config.Site, app *config.Application) *appConfig {
	ac := &appConfig{app: *app, pool: *cfg.Pools[app.Pool], limits: s.Limits}
	for _, b := range s.Bindings {
		if b.Protocol == "https" && ac.httpsPort != b.Port {
			if ac.httpsPort != 0 {
				ac.httpsPort = -1
			} else {
				ac.httpsPort = b.Port
			}
		}
		if b.Host != "" && !strings.HasPrefix(b.Host, "*.") && ac.hostName == "" {
			ac.hostName = b.Host
		}
	}
	ac.httpsPort = max(ac.httpsPort, 0)
	return ac
}

// widest is, for each limit, the largest of the sites at one socket.
func (h *Host) widest(entries []binding, cfg *config.Config) kestrel.Limits {
	l := cfg.Sites[entries[0].site].Limits
	for _, e := range entries[1:] {
		o := cfg.Sites[e.site].Limits
		l.MaxRequestBodySize = wider(l.MaxRequestBodySize, o.MaxRequestBodySize)
		l.MaxRequestLineSize = max(l.MaxRequestLineSize, o.MaxRequestLineSize)
		l.MaxRequestHeadersTotalSize = max(l.MaxRequestHeadersTotalSize, o.MaxRequestHeadersTotalSize)
		l.MaxRequestHeaderCount = max(l.MaxRequestHeaderCount, o.MaxRequestHeaderCount)
		l.MaxConnections = wider(l.MaxConnections, o.MaxConnections)
		l.KeepAliveTimeout = max(l.KeepAliveTimeout, o.KeepAliveTimeout)
		l.RequestHeadersTimeout = max(l.RequestHeadersTimeout, o.RequestHeadersTimeout)
		l.MinRequestBodyDataRate = min(l.MinRequestBodyDataRate, o.MinRequestBodyDataRate)
		l.MinResponseDataRate = min(l.MinResponseDataRate, o.MinResponseDataRate)
	}
	return kestrelLimits(&l)
}

func wider[T int | int64](a, b T) T {
	if a == config.Unlimited || b == config.Unlimited {
		return config.Unlimited
	}
	return max(a, b)
}

// ownership says which requests an application's workers may serve on a connection that they have: its routes, the paths
// below its own that are others', and host names of other sites at the same sockets.
func (h *Host) ownership(a *application) (routes []handover.Route, prefixes, hosts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sites[a.site]
	if s == nil {
		return nil, nil, nil
	}
	for _, b := range s.cfg.Bindings {
		r := handover.Route{Host: b.Host, PathPrefix: a.path}
		if !slices.Contains(routes, r) {
			routes = append(routes, r)
		}
	}
	for _, other := range s.apps {
		if other != a && len(other.path) > len(a.path) && route.Under(other.path, a.path) {
			prefixes = append(prefixes, other.path)
		}
	}
	for _, f := range h.fronts {
		entries := f.table.Load().entries
		if !slices.ContainsFunc(entries, func(e tableEntry) bool { return e.site == s }) {
			continue
		}
		for _, e := range entries {
			if e.site != s && e.host != "" && !slices.Contains(hosts, e.host) {
				hosts = append(hosts, e.host)
			}
		}
	}
	return routes, prefixes, hosts
}

// appAddresses lists the URLs under which clients reach an application.
func (h *Host) appAddresses(a *application) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, key := range sortedKeys(h.fronts) {
		f := h.fronts[key]
		for _, e := range f.table.Load().entries {
			if e.site.name != a.site {
				continue
			}
			for _, url := range slices.Compact(slices.Clone(f.urls)) {
				out = append(out, withHost(url, e.host)+strings.TrimSuffix(a.path, "/"))
			}
		}
	}
	return out
}

// withHost puts a site's host name in place of the address of a URL.
func withHost(url, host string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	if host == "" || strings.HasPrefix(rest, "unix:") {
		return url
	}
	return scheme + "://" + host + rest[max(strings.LastIndexByte(rest, ':'), 0):]
}

// tellOwnership sends the workers what is theirs after a reload.
func (h *Host) tellOwnership(a *application) {
	routes, prefixes, hosts := h.ownership(a)
	for _, w := range a.ready() {
		if w.inproc != nil {
			_ = w.inproc.channel.Send(&handover.Config{Routes: routes, ForeignPrefixes: prefixes, ForeignHosts: hosts}) // a worker that is gone is noticed elsewhere
			w.inproc.renewCredentials()
		}
	}
}

// shareSockets gives the workers of an application the sockets that are its alone, and takes the others back.
func (h *Host) shareSockets(a *application) {
	h.mu.Lock()
	var mine, others []*socket
	for _, f := range h.fronts {
		if f.exclusive() == a {
			mine = append(mine, f.sockets...)
		} else {
			others = append(others, f.sockets...)
		}
	}
	h.mu.Unlock()
	for _, w := range a.ready() {
		if w.inproc == nil {
			continue
		}
		for _, s := range others {
			w.inproc.unshare(s)
		}
		for _, s := range mine {
			w.inproc.share(s)
		}
	}
}

// changeList is a difference in the form of the control API.
func changeList(d config.Changes) []control.Change {
	out := []control.Change{}
	for _, key := range d.Settings {
		out = append(out, control.Change{Kind: "setting", Name: key, Action: string(config.Changed)})
	}
	add := func(kind string, changes []config.Change) {
		for _, c := range changes {
			out = append(out, control.Change{Kind: kind, Name: c.Name, Action: string(c.Action), Keys: c.Keys})
		}
	}
	add("pool", d.Pools)
	add("site", d.Sites)
	add("application", d.Applications)
	return out
}
