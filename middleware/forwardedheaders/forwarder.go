package forwardedheaders

import (
	"crypto/sha256"
	"net/http"
	"slices"

	"github.com/lannerhq/lanner/middleware/hostfiltering"
	"github.com/lannerhq/lanner/server"
)

// forwarder is one middleware: its options with the defaults filled in, and what it logs to.
type forwarder struct {
	opts    Options
	hosts   hostfiltering.List
	anyHost bool
	secret  [sha256.Size]byte
	report  reporter
}

func newForwarder(opts Options) *forwarder {
	if err := opts.Validate(); err != nil {
		panic(err)
	}
	f := &forwarder{opts: opts.withDefaults(), anyHost: len(opts.AllowedHosts) == 0}
	if !f.anyHost {
		f.hosts, _ = hostfiltering.NewList(opts.AllowedHosts) // Validate has tried it
	}
	f.secret = sha256.Sum256([]byte(opts.Secret))
	f.opts.Secret = ""
	f.report.log = f.opts.Logger
	f.report.started(f.opts)
	return f
}

// New makes the middleware. It panics when Options.Validate fails. The returned function may wrap several handlers; when
// a request meets it twice, it does nothing the second time. Two middlewares made by two calls both run, and the second
// goes on where the first stopped.
func New(opts Options) func(http.Handler) http.Handler {
	f := newForwarder(opts)
	return func(next http.Handler) http.Handler {
		if opts.Headers == 0 {
			return next
		}
		return handler{f, next}
	}
}

// NewApplication makes the middleware for a server.Application. It is otherwise as New.
func NewApplication(opts Options) func(server.Application) server.Application {
	f := newForwarder(opts)
	return func(next server.Application) server.Application {
		if opts.Headers == 0 {
			return next
		}
		return application{f, next}
	}
}

// decided is what became of one request.
type decided struct {
	change
	edits  []edit
	reject bool
}

// run decides about m and logs what should be heard of.
func (f *forwarder) run(m *message, st *state) decided {
	d := decided{change: f.decide(m)}
	d.edits = f.edits(&d.change, m, st)
	if f.opts.RejectIfMissing && d.taken != f.opts.Headers {
		d.reject = true
		f.report.rejected(m.peer, f.opts.Headers&^d.taken)
		return d
	}
	switch {
	case d.uneven:
		f.report.uneven(m.peer)
	case d.ignored:
		f.report.ignored(m.peer)
	}
	return d
}

// state is what a forwarder in front has done to a request, for those behind and for Scheme and PathBase. It is never
// changed, only replaced.
type state struct {
	scheme   string // "" when it was not taken from a header
	pathBase string
	remote   bool // the remote address was taken from a header
	ran      []*forwarder
}

// after is the state behind f.
func (st *state) after(f *forwarder, d decided) *state {
	next := new(state)
	if st != nil {
		*next = *st
	}
	next.ran = append(next.ran[:len(next.ran):len(next.ran)], f)
	if d.taken&Proto != 0 {
		next.scheme = d.scheme
	}
	if d.taken&Prefix != 0 {
		next.pathBase = d.prefix
	}
	next.remote = next.remote || d.taken&For != 0
	return next
}

// has reports whether f has run and changed something.
func (st *state) has(f *forwarder) bool { return st != nil && slices.Contains(st.ran, f) }

// forwarded reports whether any forwarder has run and changed something.
func (st *state) forwarded() bool { return st != nil && len(st.ran) > 0 }
