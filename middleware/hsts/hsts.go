package hsts

import (
	"log/slog"
	"net/http"
	"sync"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/middleware/hostfiltering"
	"github.com/lannerhq/lanner/server"
)

// headerName is in net/http's canonical form.
const headerName = "Strict-Transport-Security"

// policy is one middleware: the header as it is sent, and for whom it is not.
type policy struct {
	values   []string // the only value; its capacity is 1, so that who appends to it gets a copy
	excluded hostfiltering.List
	log      *slog.Logger
}

func newPolicy(opts Options) (*policy, error) {
	value, err := opts.value()
	if err != nil {
		return nil, err
	}
	excluded, err := opts.excluded()
	if err != nil {
		return nil, err
	}
	return &policy{[]string{value}, excluded, opts.logger()}, nil
}

// New makes the middleware. It fails when the options contradict each other or a host cannot be one. It adds no allocation
// to a request.
func New(opts Options) (func(http.Handler) http.Handler, error) {
	p, err := newPolicy(opts)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if p.applies(forwardedheaders.Scheme(r), r.Host) {
				w.Header()[headerName] = p.values
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

// NewApplication makes the middleware for a server.Application. It fails when New does.
func NewApplication(opts Options) (func(server.Application) server.Application, error) {
	p, err := newPolicy(opts)
	if err != nil {
		return nil, err
	}
	return func(next server.Application) server.Application {
		return server.ApplicationFunc(func(features *server.Features) error {
			req, ok := server.Get[server.RequestFeature](features)
			if ok && p.applies(req.Scheme(), req.Host()) {
				if res, ok := server.Get[server.ResponseFeature](features); ok {
					p.send(res)
				}
			}
			return next.Process(features)
		})
	}, nil
}

// send sets the field, and sees to it that there is one when the response starts: what a http.Handler behind the application
// has set is added to what is there.
func (p *policy) send(res server.ResponseFeature) {
	res.Header().Set(headerName, p.values[0])
	f := fields.Get().(*field)
	if f.keepLast == nil {
		f.keepLast = f.reduce
	}
	f.res = res
	res.OnStarting(f.keepLast)
}

// field is the field in the header of a response. It is recycled; that of a response which never starts is not.
type field struct {
	res      server.ResponseFeature
	keepLast func() // a method value, which would be allocated each time
}

var fields = sync.Pool{New: func() any { return new(field) }}

// reduce removes all values but the last one.
func (f *field) reduce() {
	h := f.res.Header()
	last, count := "", 0
	for i := range h.Len() {
		if name, value := h.At(i); httpcommon.EqualFold(name, headerName) {
			last = value
			count++
		}
	}
	if count > 1 {
		h.Set(headerName, last)
	}
	f.res = nil
	fields.Put(f)
}

// applies reports whether a response to a request by that scheme for that host has the header.
func (p *policy) applies(scheme, host string) bool {
	switch {
	case !httpcommon.EqualFold(scheme, "https"):
		logInsecure(p.log)
		return false
	case p.excluded.Allows(host):
		logExcluded(p.log, host)
		return false
	}
	return true
}
