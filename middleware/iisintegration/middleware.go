package iisintegration

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"

	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/server"
)

// Middleware is the integration in front of an http.Handler, on any server. It belongs in front of everything that looks
// at the request. onShutdown is called once, on a goroutine of its own, when the module asks this process to stop; it
// should begin what SIGTERM begins. Wait waits for it. When it is nil, shutdown messages reach the handler, and the
// module falls back to CTRL_BREAK.
//
// The handler behind sees the client in r.RemoteAddr, its certificate in r.TLS.PeerCertificates, and paths without the path
// base, which forwardedheaders.PathBase gives.
func (i *Integration) Middleware(onShutdown func()) func(http.Handler) http.Handler {
	forwarded := forwardedheaders.New(i.forwarded())
	return func(next http.Handler) http.Handler {
		return &handler{i, onShutdown, forwarded(next)}
	}
}

type handler struct {
	*Integration
	onShutdown func()
	next       http.Handler
}

// ServeHTTP passes on a copy of r, or answers what is not for the application.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if tokens := r.Header.Values(headerToken); h.paired && !h.authentic(tokens) {
		h.refused(len(tokens))
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	features := server.FeaturesOf(r.Context())
	r = h.rebase(r, features)
	if h.paired && h.onShutdown != nil && isShutdown(r.Method, r.URL.Path, r.Header.Values(headerEvent)) {
		h.beginShutdown(h.onShutdown)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if h.paired {
		liftBodyLimit(features, h.logger())
		if cert := h.certificate(r.Header.Values(headerCertificate)); cert != nil {
			r.TLS = withCertificate(r.TLS, cert)
			setCertificate(features, cert)
		}
		closeWindowsTokens(r.Header.Values(headerWindowsAuth))
	}
	if !h.WebSockets {
		w = withoutUpgrade(w, features)
	}
	for name := range r.Header {
		if ofModule(name) {
			delete(r.Header, name)
		}
	}
	stripFeatures(features)
	h.next.ServeHTTP(w, r)
}

// rebase copies r and cuts the path base from its path. The features must agree that the path is below it: they have dot
// segments removed, and "/sub/../x" is not in "/sub".
func (h *handler) rebase(r *http.Request, features *server.Features) *http.Request {
	ctx, u := r.Context(), r.URL
	if h.PathBase != "" {
		cut, ok := cutPathBase(r.URL, h.PathBase)
		switch {
		case !ok:
		case features == nil:
			base := forwardedheaders.PathBase(r) + r.URL.Path[:len(h.PathBase)]
			ctx, u = forwardedheaders.WithPathBase(ctx, base), cut
		case server.Rebase(features, h.PathBase):
			u = cut
		}
	}
	out := r.WithContext(ctx)
	out.URL = u
	out.Header = r.Header.Clone()
	return out
}

// certificate decodes the client's certificate. One that cannot be read is none, and logged.
func (i *Integration) certificate(values []string) *x509.Certificate {
	cert, err := clientCertificate(values)
	if err != nil && i.badCerts.due() {
		logBadCertificate(i.logger(), err)
	}
	return cert
}

// withCertificate is the state with which the handler sees the client's certificate. IIS has checked it as configured
// there; there are no verified chains.
func withCertificate(state *tls.ConnectionState, cert *x509.Certificate) *tls.ConnectionState {
	out := &tls.ConnectionState{HandshakeComplete: true}
	if state != nil {
		*out = *state
	}
	out.PeerCertificates = []*x509.Certificate{cert}
	return out
}

func (i *Integration) refused(tokens int) {
	if i.refusals.due() {
		logRefused(i.logger(), tokens)
	}
}
