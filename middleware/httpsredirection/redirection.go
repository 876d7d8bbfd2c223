package httpsredirection

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/server"
)

// redirection is one middleware: its options with the defaults filled in, and what it has logged.
type redirection struct {
	opts Options
	port int // of the options or the environment, or noPort

	saidNone, saidSeveral atomic.Bool
}

func newRedirection(opts Options) (*redirection, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	port, err := configuredPort(opts)
	if err != nil {
		return nil, err
	}
	return &redirection{opts: opts, port: port}, nil
}

// New makes the middleware. It fails when Options.Validate does, and when a variable that should be a port is none.
func New(opts Options) (func(http.Handler) http.Handler, error) {
	d, err := newRedirection(opts)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if httpcommon.EqualFold(forwardedheaders.Scheme(r), "https") {
				next.ServeHTTP(w, r)
				return
			}
			port, ok := d.applies(targetOf(r), server.FeaturesOf(r.Context()))
			if !ok {
				next.ServeHTTP(w, r)
				return
			}
			d.answer(w, r, port)
		})
	}, nil
}

// NewApplication makes the middleware for a server.Application. It fails when New does.
func NewApplication(opts Options) (func(server.Application) server.Application, error) {
	d, err := newRedirection(opts)
	if err != nil {
		return nil, err
	}
	return func(next server.Application) server.Application {
		return server.ApplicationFunc(func(features *server.Features) error {
			req, ok := server.Get[server.RequestFeature](features)
			if !ok || httpcommon.EqualFold(req.Scheme(), "https") {
				return next.Process(features)
			}
			port, ok := d.applies(req.RawTarget(), features)
			if !ok {
				return next.Process(features)
			}
			return server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				d.answer(w, r, port)
			})).Process(features)
		})
	}, nil
}

// applies reports whether a request by http is to be redirected, and to which port.
func (d *redirection) applies(target string, features *server.Features) (port int, ok bool) {
	if d.excludes(target) {
		return 0, false
	}
	if d.port != noPort {
		return d.port, true
	}
	switch port = serverPort(features); port {
	case noPort:
		if !d.saidNone.Swap(true) {
			logNoPort(d.opts.Logger)
		}
		return 0, false
	case severalPorts:
		if !d.saidSeveral.Swap(true) {
			logSeveralPorts(d.opts.Logger)
		}
		return 0, false
	}
	return port, true
}

func (d *redirection) excludes(target string) bool {
	if len(d.opts.ExcludedPaths) == 0 {
		return false
	}
	path, _, _ := strings.Cut(originForm(target), "?")
	if !plainPath(path) {
		return false
	}
	for _, excluded := range d.opts.ExcludedPaths {
		if path == excluded || strings.HasSuffix(excluded, "/") && strings.HasPrefix(path, excluded) {
			return true
		}
	}
	return false
}

// refusal is the body of the 400. It does not repeat what the client has sent.
const refusal = "400 Bad Request: this site is served by https, and the request has no valid Host that a redirect could lead to.\n"

func (d *redirection) answer(w http.ResponseWriter, r *http.Request, port int) {
	name, ok := hostName(r.Host)
	if !ok {
		logRefused(d.opts.Logger, r.Host)
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Length", strconv.Itoa(len(refusal)))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, refusal) // a client that has gone needs no answer
		return
	}
	url := location(r, name, port)
	logRedirected(d.opts.Logger, url)
	w.Header().Set("Location", url)
	w.WriteHeader(d.opts.StatusCode)
}
