package forwardedheaders

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// seen is what the application behind the middleware sees.
type seen struct {
	called           bool
	status           int
	remote           string // "" when there is no address
	scheme           string
	host             string
	pathBase         string
	path             string
	tls              bool
	header           http.Header
	featureRemote    string
	featureHost      string
	hostField        string
	viaFeatures      bool
	sameRequestAsOut bool
}

// sent is a request as it arrives.
type sent struct {
	remote   string
	unix     bool
	scheme   string
	host     string
	pathBase string
	header   http.Header
}

func (s sent) request() *http.Request {
	r := httptest.NewRequest("GET", "/a/b", nil)
	r.RemoteAddr, r.Host = s.remote, s.host
	r.Header = s.header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if s.scheme == "https" {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	if s.unix {
		ctx := context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Name: "/run/a.sock", Net: "unix"}))
		r = r.WithContext(ctx)
	}
	return r
}

// forms are the ways in which the middlewares, one per options, can stand in front of an application.
var forms = map[string]func(t *testing.T, s sent, opts ...Options) seen{
	"plain net/http":        throughNetHTTP,
	"a handler on a server": throughServer,
	"an application":        throughApplication,
}

func throughNetHTTP(t *testing.T, s sent, opts ...Options) seen {
	t.Helper()
	r := s.request()
	if s.pathBase != "" {
		r = r.WithContext(WithPathBase(r.Context(), s.pathBase))
	}
	before := r.Header.Clone()
	var got seen
	h := chain(observe(&got, r), opts)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got.status = w.Code
	wantUntouched(t, r, s, before)
	return got
}

func throughServer(t *testing.T, s sent, opts ...Options) seen {
	t.Helper()
	var got seen
	app := server.HTTP(chain(observe(&got, nil), opts))
	got.status = onFeatures(s, app)
	return got
}

func throughApplication(t *testing.T, s sent, opts ...Options) seen {
	t.Helper()
	var got seen
	var app server.Application = server.ApplicationFunc(func(f *server.Features) error {
		return server.HTTP(observe(&got, nil)).Process(f)
	})
	for i := len(opts) - 1; i >= 0; i-- {
		app = NewApplication(quiet(opts[i]))(app)
	}
	got.status = onFeatures(s, app)
	return got
}

func chain(h http.Handler, opts []Options) http.Handler {
	for i := len(opts) - 1; i >= 0; i-- {
		h = New(quiet(opts[i]))(h)
	}
	return h
}

func quiet(o Options) Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// onFeatures runs app on the features of a server.
func onFeatures(s sent, app server.Application) (status int) {
	r := s.request()
	outer := server.Handler(server.ApplicationFunc(func(f *server.Features) error {
		below, _ := server.Get[server.RequestFeature](f)
		server.Set[server.RequestFeature](f, based{below, s.pathBase})
		if s.unix {
			conn, _ := server.Get[server.ConnectionFeature](f)
			server.Set[server.ConnectionFeature](f, unixConn{conn})
		}
		return app.Process(f)
	}))
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, r)
	return w.Code
}

// based has a path base that nothing was cut for, so that the path stays what it is.
type based struct {
	server.RequestFeature
	base string
}

func (b based) PathBase() string { return b.base }

// unixConn is a connection over a unix socket.
type unixConn struct{ server.ConnectionFeature }

func (unixConn) LocalAddr() net.Addr  { return &net.UnixAddr{Name: "/run/a.sock", Net: "unix"} }
func (unixConn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: "@", Net: "unix"} }

// observe is an application that writes down what it sees.
func observe(got *seen, outer *http.Request) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = seen{
			called: true, remote: r.RemoteAddr, scheme: Scheme(r), host: r.Host, pathBase: PathBase(r), path: r.URL.Path,
			tls: r.TLS != nil, header: r.Header.Clone(), sameRequestAsOut: r == outer,
		}
		if req, ok := server.From[server.RequestFeature](r.Context()); ok {
			conn, _ := server.From[server.ConnectionFeature](r.Context())
			got.viaFeatures, got.featureHost, got.featureRemote = true, req.Host(), conn.RemoteAddrText()
			got.hostField = req.Header().Get("Host")
		}
	})
}

// wantUntouched checks that the caller's request is as it was.
func wantUntouched(t *testing.T, r *http.Request, s sent, header http.Header) {
	t.Helper()
	same := r.RemoteAddr == s.remote && r.Host == s.host && len(r.Header) == len(header) && (r.TLS != nil) == (s.scheme == "https")
	for name := range header {
		same = same && len(r.Header[name]) == len(header[name]) && r.Header[name][0] == header[name][0]
	}
	if !same {
		t.Errorf("the caller's request was changed: it belongs to whoever called the middleware")
	}
}
