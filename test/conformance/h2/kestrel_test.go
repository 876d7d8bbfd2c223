//go:build h2ready

package h2

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

func init() { startKestrel = serveKestrel }

// serveKestrel starts kestrel on a port of its own, cleartext, which takes HTTP/2 by prior knowledge beside HTTP/1.1.
func serveKestrel(t *testing.T, c config, app http.Handler) *subject {
	t.Helper()
	if c.tls {
		t.Skip("kestrel's endpoints have no TLS yet") // then: c.certificate() and TLS from version 1.0 on
	}
	if c.alternateSchemes {
		t.Skip("kestrel has no option for other schemes yet") // then: Kestrel's AllowAlternateSchemes
	}
	o := kestrel.Options{
		Endpoints: []kestrel.Endpoint{{URL: "http://127.0.0.1:0"}},
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
	return &subject{addr: strings.TrimPrefix(srv.Addresses()[0], "http://"), stop: srv.Stop}
}
