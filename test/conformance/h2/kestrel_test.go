package h2

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// startKestrel starts kestrel on a port of its own, cleartext, which takes HTTP/2 by prior knowledge beside HTTP/1.1.
func startKestrel(t *testing.T, c config, app http.Handler) *subject {
	t.Helper()
	endpoint := kestrel.Endpoint{URL: "http://127.0.0.1:0"}
	if c.tls {
		endpoint = kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}}
	}
	o := kestrel.Options{
		Endpoints: []kestrel.Endpoint{endpoint},
		Compat:    kestrel.Compat{AlternateSchemes: c.alternateSchemes},
		Limits:    c.limits,
		Logger:    c.logger(),
		Transport: c.carrier.transport,
		Exec:      c.carrier.exec,
	}
	o.Limits.HTTP2 = kestrel.HTTP2Limits{
		MaxStreamsPerConnection:     c.http2.MaxStreamsPerConnection,
		HeaderTableSize:             c.http2.HeaderTableSize,
		MaxFrameSize:                c.http2.MaxFrameSize,
		MaxRequestHeaderFieldSize:   c.http2.MaxRequestHeaderFieldSize,
		InitialConnectionWindowSize: c.http2.InitialConnectionWindowSize,
		InitialStreamWindowSize:     c.http2.InitialStreamWindowSize,
		KeepAlivePingDelay:          c.http2.KeepAlivePingDelay,
		KeepAlivePingTimeout:        c.http2.KeepAlivePingTimeout,
	}
	srv := kestrel.New(o)
	if err := srv.Start(t.Context(), server.HTTP(app)); err != nil {
		t.Fatal(err)
	}
	return &subject{addr: srv.Addresses()[0][strings.Index(srv.Addresses()[0], "://")+3:], stop: srv.Stop}
}
