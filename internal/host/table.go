package host

import (
	"crypto/tls"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/route"
)

// table says which application a request at one front belongs to. It is immutable; a reload makes a new one.
type table struct {
	entries []tableEntry   // most specific host first
	owners  []*application // those that have a name of their own
}

type tableEntry struct {
	addr   string // "" or the local IP address that the client must have connected to
	host   string // "", a name, or "*.name"
	site   *site
	client config.ClientCertificate // what is asked of clients
}

// find returns the application for a host and a path, or what to answer when there is none: 400 for a host that no site
// has (http.sys answers so; RFC 9110 §7.4 would allow 421), 404 for a path.
func (t *table) find(local, host, path string) (*application, *answer) {
	e := t.entry(local, host)
	if e == nil {
		return nil, unknownHost
	}
	if app := e.site.find(path); app != nil {
		return app, nil
	}
	return nil, notFound
}

// entry returns the binding that a request came by, or nil.
func (t *table) entry(local, host string) *tableEntry {
	name := route.Hostname(host)
	for i := range t.entries {
		if e := &t.entries[i]; (e.addr == "" || e.addr == local) && route.MatchHost(e.host, name) {
			return e
		}
	}
	return nil
}

// misdirected reports whether a request may not come on a connection with TLS that was made for another name: the one that it is for asks
// clients for other certificates. A client that comes for one name may ask for others on the same connection, as HTTP/2 clients do
// (RFC 9113 §9.1.1), and must not get round what the other binding demands.
func (t *table) misdirected(local, host string, state *tls.ConnectionState) bool {
	to := t.entry(local, host)
	if to == nil {
		return false
	}
	made := t.entry(local, state.ServerName)
	return made == nil || made.client != to.client || to.client.Mode == config.ClientCertificateRequired && len(state.PeerCertificates) == 0
}

// newTable orders what is bound at a port: a binding to one address of the machine wins over one to all, as if it had a
// socket of its own; then the more specific host name.
func newTable(entries []tableEntry) *table {
	slices.SortStableFunc(entries, func(a, b tableEntry) int {
		if (a.addr == "") != (b.addr == "") {
			return strings.Compare(b.addr, a.addr)
		}
		return route.Specificity(b.host) - route.Specificity(a.host)
	})
	t := &table{entries: entries}
	for i := range entries {
		if e := &entries[i]; e.own() && !slices.Contains(t.owners, e.site.apps[0]) {
			t.owners = append(t.owners, e.site.apps[0])
		}
	}
	return t
}

// exclusive returns the application that owns every request at this front, or nil.
func (t *table) exclusive() *application {
	if len(t.entries) != 1 || t.entries[0].host != "" || t.entries[0].addr != "" {
		return nil
	}
	apps := t.entries[0].site.apps
	if len(apps) != 1 || apps[0].path != "/" {
		return nil
	}
	return apps[0]
}

// site is a running site: its applications, longest path first.
type site struct {
	name   string
	cfg    *config.Site
	apps   []*application
	paused atomic.Bool // stopped by an operator
}

func (s *site) find(path string) *application {
	for _, app := range s.apps {
		if route.Under(path, app.path) {
			return app
		}
	}
	return nil
}

func sortApps(apps []*application) {
	slices.SortFunc(apps, func(a, b *application) int {
		if n := len(b.path) - len(a.path); n != 0 {
			return n
		}
		return strings.Compare(a.path, b.path)
	})
}
