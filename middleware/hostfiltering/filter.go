package hostfiltering

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/lannerhq/lanner/server"
)

// failurePage is the body of the 400, worded as http.sys words it.
const failurePage = `<!DOCTYPE html>
<html><head><title>Bad Request</title></head>
<body><h2>Bad Request - Invalid Hostname</h2>
<hr><p>HTTP Error 400. The request hostname is invalid.</p>
</body></html>
`

// filter decides; the two forms around it answer.
type filter struct {
	opts  Options
	hosts List
	log   *slog.Logger
}

func newFilter(opts Options) (*filter, error) {
	hosts, err := NewList(opts.AllowedHosts)
	if err != nil {
		return nil, err
	}
	return &filter{opts, hosts, opts.logger()}, nil
}

// New makes the filter as a middleware. It fails when the list of hosts is empty or has an entry that cannot be a host.
func New(opts Options) (func(http.Handler) http.Handler, error) {
	f, err := newFilter(opts)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if f.allows(r.Host) {
				next.ServeHTTP(w, r)
				return
			}
			f.refuse(w)
		})
	}, nil
}

// NewApplication makes the filter for a server.Application. It fails when New does.
func NewApplication(opts Options) (func(server.Application) server.Application, error) {
	f, err := newFilter(opts)
	if err != nil {
		return nil, err
	}
	return func(next server.Application) server.Application {
		return server.ApplicationFunc(func(features *server.Features) error {
			req, ok := server.Get[server.RequestFeature](features)
			if ok && f.allows(req.Host()) {
				return next.Process(features)
			}
			return f.refuseApplication(features)
		})
	}, nil
}

func (f *filter) allows(host string) bool {
	switch {
	case host == "" && f.opts.RejectEmptyHosts:
		logEmpty(f.log)
		return false
	case host == "":
		return true
	case f.hosts.Allows(host):
		return true
	}
	logRefused(f.log, host)
	return false
}

func (f *filter) refuse(w http.ResponseWriter) {
	if f.opts.OmitFailureMessage {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(failurePage)))
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(failurePage)) // a client that has gone needs no answer
}

func (f *filter) refuseApplication(features *server.Features) error {
	res, ok := server.Get[server.ResponseFeature](features)
	if !ok {
		return nil
	}
	res.SetStatus(http.StatusBadRequest)
	if f.opts.OmitFailureMessage {
		return nil
	}
	res.Header().Set("Content-Type", "text/html; charset=utf-8")
	res.Header().Set("Content-Length", strconv.Itoa(len(failurePage)))
	_, err := res.Write([]byte(failurePage))
	return err
}
