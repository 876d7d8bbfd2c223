package http3_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/kestrel"
)

func TestOtherVersionsTellOfHTTP3(t *testing.T) {
	own := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("Alt-Svc", "clear")
		}
	})
	for _, tt := range []struct {
		name     string
		protocol string
		change   func(*kestrel.Options)
		path     string
		want     string
	}{
		{"HTTP/1.1", "http/1.1", nil, "/", `h3=":PORT"; ma=86400`},
		{"HTTP/2", "h2", nil, "/", `h3=":PORT"; ma=86400`},
		{"the application's own", "http/1.1", nil, "/own", "clear"},
		{"the application's own on HTTP/2", "h2", nil, "/own", "clear"},
		{"turned off", "h2", func(o *kestrel.Options) { o.Endpoints[0].DisableAltSvc = true }, "/", ""},
		{"no HTTP/3", "http/1.1", func(o *kestrel.Options) { o.Endpoints[0].Protocols = kestrel.HTTP1AndHTTP2 }, "/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := serve(t, own, func(o *kestrel.Options) {
				if tt.change != nil {
					tt.change(o)
				}
			})
			secure := r.tls.Clone()
			secure.NextProtos = []string{tt.protocol}
			transport := &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: tt.protocol == "h2"}
			defer transport.CloseIdleConnections()
			if tt.protocol != "h2" {
				transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
			}
			resp := r.get(&http.Client{Transport: transport, Timeout: patience}, tt.path, "")
			port := r.host[strings.LastIndexByte(r.host, ':')+1:]
			if got := strings.Join(resp.Header.Values("Alt-Svc"), "|"); got != strings.Replace(tt.want, "PORT", port, 1) {
				t.Errorf("over %s Alt-Svc is %q, want %q", resp.Proto, got, tt.want)
			}
		})
	}
}
