package iisintegration

import (
	"bufio"
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "0d5a4b6e-5a52-4f53-8a6b-3f5d7b1f0a11"

// environment is a getenv.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

func module(path string) environment {
	return environment{envPort: "12345", envPath: path, envToken: token}
}

func pair(t *testing.T, env environment) *Integration {
	t.Helper()
	i, ok := FromEnvironment(env.get)
	if !ok || i.Err() != nil {
		t.Fatalf("FromEnvironment(%v) = %v, %v", env, i, ok)
	}
	if i.Logger == nil {
		i.Logger = slog.New(slog.DiscardHandler)
	}
	t.Cleanup(i.Wait)
	return i
}

// seen is what the application sees.
type seen struct {
	called       bool
	path         string
	rawPath      string
	pathBase     string
	featurePath  string
	featureToken string
	remote       string
	scheme       string
	header       http.Header
	cert         *x509.Certificate // in r.TLS
	featureCert  *x509.Certificate
	bodyLimit    int64
}

// forms are the ways in which the integration stands in front of an application.
var forms = map[string]func(i *Integration, stop func(), r *http.Request) (seen, int, string){
	"plain net/http": func(i *Integration, stop func(), r *http.Request) (seen, int, string) {
		var got seen
		w := httptest.NewRecorder()
		i.Middleware(stop)(observe(&got)).ServeHTTP(hijackable{w}, r)
		return got, w.Code, w.Body.String()
	},
	"a handler on a server": func(i *Integration, stop func(), r *http.Request) (seen, int, string) {
		var got seen
		return onFeatures(&got, server.HTTP(i.Middleware(stop)(observe(&got))), r)
	},
	"an application": func(i *Integration, stop func(), r *http.Request) (seen, int, string) {
		var got seen
		return onFeatures(&got, i.Application(stop)(server.HTTP(observe(&got))), r)
	},
}

// hijackable is a response whose connection can be taken over.
type hijackable struct{ *httptest.ResponseRecorder }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	client, srv := net.Pipe()
	client.Close()
	return srv, bufio.NewReadWriter(bufio.NewReader(srv), bufio.NewWriter(srv)), nil
}

// onFeatures runs app on the features of a server with a body limit.
func onFeatures(got *seen, app server.Application, r *http.Request) (seen, int, string) {
	limit := &bodyLimit{30_000_000}
	w := httptest.NewRecorder()
	server.Handler(server.ApplicationFunc(func(f *server.Features) error {
		server.Set[server.MaxRequestBodySizeFeature](f, limit)
		return app.Process(f)
	})).ServeHTTP(hijackable{w}, r)
	got.bodyLimit = limit.n
	return *got, w.Code, w.Body.String()
}

type bodyLimit struct{ n int64 }

func (b *bodyLimit) MaxRequestBodySize() int64           { return b.n }
func (b *bodyLimit) SetMaxRequestBodySize(n int64) error { b.n = n; return nil }

func observe(got *seen) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = seen{called: true, path: r.URL.Path, rawPath: r.URL.RawPath, pathBase: forwardedheaders.PathBase(r),
			remote: r.RemoteAddr, scheme: forwardedheaders.Scheme(r), header: r.Header.Clone()}
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			got.cert = r.TLS.PeerCertificates[0]
		}
		got.readFeatures(r.Context())
	})
}

func (got *seen) readFeatures(ctx context.Context) {
	if req, ok := server.From[server.RequestFeature](ctx); ok {
		got.featurePath, got.featureToken = req.Path(), req.Header().Get(headerToken)
	}
	if tls, ok := server.From[server.TLSConnectionFeature](ctx); ok {
		got.featureCert = tls.ClientCertificate()
	}
}

// request is one that the module forwards.
func request(method, target string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = "127.0.0.1:50000"
	r.Header.Set(headerToken, token)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}
