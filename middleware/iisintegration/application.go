package iisintegration

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"

	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/server"
)

// Application is the integration in front of a server.Application. It does what Middleware does, on the features. A
// client's certificate is found in the TLSConnectionFeature; http.Handlers, which look for it in r.TLS, are better served
// by Middleware.
func (i *Integration) Application(onShutdown func()) func(server.Application) server.Application {
	forwarded := forwardedheaders.NewApplication(i.forwarded())
	return func(next server.Application) server.Application {
		return &application{i, onShutdown, forwarded(next)}
	}
}

type application struct {
	*Integration
	onShutdown func()
	next       server.Application
}

var errNoFeatures = errors.New("iisintegration: the server provides no RequestFeature or no ResponseFeature, which every server must")

// Process passes the request on, or answers what is not for the application.
func (a *application) Process(features *server.Features) error {
	req, ok1 := server.Get[server.RequestFeature](features)
	res, ok2 := server.Get[server.ResponseFeature](features)
	if !ok1 || !ok2 {
		return errNoFeatures
	}
	if tokens := req.Header().Values(headerToken); a.paired && !a.authentic(tokens) {
		a.refused(len(tokens))
		res.SetStatus(http.StatusBadRequest)
		return nil
	}
	if a.PathBase != "" && server.Rebase(features, a.PathBase) {
		req, _ = server.Get[server.RequestFeature](features)
	}
	if a.paired && a.onShutdown != nil && isShutdown(req.Method(), req.Path(), req.Header().Values(headerEvent)) {
		a.beginShutdown(a.onShutdown)
		res.SetStatus(http.StatusAccepted)
		return nil
	}
	if a.paired {
		liftBodyLimit(features, a.logger())
		if cert := a.certificate(req.Header().Values(headerCertificate)); cert != nil {
			setCertificate(features, cert)
		}
		closeWindowsTokens(req.Header().Values(headerWindowsAuth))
	}
	if !a.WebSockets {
		server.Remove[server.UpgradeFeature](features)
	}
	stripFeatures(features)
	return a.next.Process(features)
}

// liftBodyLimit lets this request have a body of any size: IIS has a limit of its own.
func liftBodyLimit(features *server.Features, log *slog.Logger) {
	limit, ok := server.Get[server.MaxRequestBodySizeFeature](features)
	if !ok {
		return
	}
	if err := limit.SetMaxRequestBodySize(-1); err != nil {
		logBodyLimit(log, err)
	}
}

// setCertificate makes cert the certificate of the connection.
func setCertificate(features *server.Features, cert *x509.Certificate) {
	if features != nil {
		server.Set[server.TLSConnectionFeature](features, certificate{cert})
	}
}

type certificate struct{ cert *x509.Certificate }

func (c certificate) ClientCertificate() *x509.Certificate { return c.cert }

// stripFeatures hides the module's headers.
func stripFeatures(features *server.Features) {
	below, ok := server.Get[server.RequestFeature](features)
	if !ok {
		return
	}
	q := &stripped{RequestFeature: below}
	for name, value := range below.Header().All() {
		if !ofModule(name) {
			q.header.Add(name, value)
		}
	}
	if q.header.Len() != below.Header().Len() {
		server.Set[server.RequestFeature](features, q)
	}
}

// stripped is a request without the module's headers.
type stripped struct {
	server.RequestFeature
	header server.Headers
}

func (q *stripped) Header() *server.Headers { return &q.header }

// Retain lets the request below last, and with it the strings that header shares with it.
func (q *stripped) Retain() {
	if below, ok := q.RequestFeature.(server.Retainer); ok {
		below.Retain()
	}
}
