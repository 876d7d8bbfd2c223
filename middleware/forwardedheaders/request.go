package forwardedheaders

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// handler is the middleware in front of an http.Handler, on any server.
type handler struct {
	f    *forwarder
	next http.Handler
}

// ServeHTTP passes on r, or a copy of it with its own header map.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	st := stateOf(r.Context())
	if st.has(h.f) {
		h.next.ServeHTTP(w, r)
		return
	}
	m := messageOf(r, st)
	d := h.f.run(m, st)
	switch {
	case d.reject:
		w.WriteHeader(http.StatusBadRequest)
	case len(d.edits) == 0 && d.taken == 0:
		h.next.ServeHTTP(w, r)
	default:
		h.next.ServeHTTP(w, h.apply(r, st, d))
	}
}

// messageOf describes r.
func messageOf(r *http.Request, st *state) *message {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	overUnix := isUnix(local) && (st == nil || !st.remote)
	return &message{
		peer:     parsePeer(r.RemoteAddr, overUnix),
		scheme:   Scheme(r),
		host:     r.Host,
		pathBase: PathBase(r),
		values:   r.Header.Values,
	}
}

// isUnix reports whether addr is one of a unix socket of any kind.
func isUnix(addr net.Addr) bool {
	_, ok := addr.(*net.UnixAddr)
	return ok
}

// apply makes the changed copy of r, and changes the features when the server has them.
func (h handler) apply(r *http.Request, st *state, d decided) *http.Request {
	ctx := r.Context()
	features := server.FeaturesOf(ctx)
	if d.taken != 0 {
		st = st.after(h.f, d)
		if features == nil {
			ctx = context.WithValue(ctx, stateKey{}, st)
		}
	}
	if features != nil {
		applyFeatures(features, st, d)
	}
	out := r.WithContext(ctx)
	out.Header = r.Header.Clone()
	for _, e := range d.edits {
		if e.remove {
			out.Header.Del(e.name)
		} else {
			out.Header.Set(e.name, e.value)
		}
	}
	if d.taken&For != 0 {
		out.RemoteAddr = d.remote.String()
	}
	if d.taken&Host != 0 {
		out.Host = d.host
	}
	if d.taken&Proto != 0 {
		out.TLS = tlsFor(d.scheme, r.TLS)
	}
	return out
}

// tlsFor is the r.TLS that goes with a scheme: what a handler tests to learn whether its client came by https.
func tlsFor(scheme string, have *tls.ConnectionState) *tls.ConnectionState {
	switch {
	case !httpcommon.EqualFold(scheme, "https"):
		return nil
	case have != nil:
		return have
	}
	return &tls.ConnectionState{HandshakeComplete: true}
}

// stateKey is the context key of the *state on a server without features.
type stateKey struct{}

func stateOf(ctx context.Context) *state {
	if st, ok := server.From[*state](ctx); ok {
		return st
	}
	st, _ := ctx.Value(stateKey{}).(*state)
	return st
}

// Scheme returns the scheme that the client used, "http" or "https", or what the proxy said, as it said it. It works on
// every server, with the middleware or without it.
func Scheme(r *http.Request) string {
	if req, ok := server.From[server.RequestFeature](r.Context()); ok {
		return req.Scheme()
	}
	if st := stateOf(r.Context()); st != nil && st.scheme != "" {
		return st.scheme
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// PathBase returns the path under which the application is mounted, "" or "/sub": what must be put in front of
// r.URL.Path to make a link. It comes from X-Forwarded-Prefix, from WithPathBase, or from the server.
func PathBase(r *http.Request) string {
	if req, ok := server.From[server.RequestFeature](r.Context()); ok {
		return req.PathBase()
	}
	if st := stateOf(r.Context()); st != nil {
		return st.pathBase
	}
	return ""
}

// WithPathBase tells PathBase what a router or middleware has cut from r.URL.Path, for servers that have no features,
// such as net/http's; on a server of this module use server.Rebase. It replaces the path base that ctx has.
func WithPathBase(ctx context.Context, base string) context.Context {
	next := new(state)
	if st, _ := ctx.Value(stateKey{}).(*state); st != nil {
		*next = *st
	}
	next.pathBase = base
	return context.WithValue(ctx, stateKey{}, next)
}
