package inprocess

import (
	"slices"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/route"
)

// ownership says which requests are this application's. The zero value owns all.
type ownership struct {
	everything bool
	routes     []handover.Route
	prefixes   []string // of others
	hosts      []string // of others
}

func newOwnership(routes []handover.Route, prefixes, hosts []string) *ownership {
	o := &ownership{routes: routes, prefixes: prefixes, hosts: hosts}
	for _, r := range routes {
		o.everything = o.everything || r.Host == "" && (r.PathPrefix == "/" || r.PathPrefix == "")
	}
	o.everything = len(routes) == 0 || o.everything && len(prefixes)+len(hosts) == 0
	return o
}

// request is what ownership depends on.
type request interface {
	Host() string
	Path() string
}

// foreign reports whether a path below the application's own is another's.
func (o *ownership) foreign(path string) bool {
	return slices.ContainsFunc(o.prefixes, func(prefix string) bool { return route.Under(path, prefix) })
}

// owns is asked before every request.
func (o *ownership) owns(q request) bool {
	if o.everything {
		return true
	}
	if o.foreign(q.Path()) {
		return false
	}
	path := q.Path()
	host := route.Hostname(q.Host())
	best := -1
	for _, r := range o.routes {
		if route.MatchHost(r.Host, host) && route.Under(path, r.PathPrefix) {
			best = max(best, route.Specificity(r.Host))
		}
	}
	for _, pattern := range o.hosts {
		if route.MatchHost(pattern, host) && route.Specificity(pattern) > best {
			return false
		}
	}
	return best >= 0
}
