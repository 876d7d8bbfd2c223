package http3_test

import (
	"context"
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

func TestWhatCannotSpeakHTTP3SaysWhy(t *testing.T) {
	cert, err := selfsigned.New("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	secure := &tls.Config{Certificates: []tls.Certificate{cert}}
	taken := takenUDP(t)
	through := func(next connection.Handler) connection.Handler { return next }
	h, old := http3.New(http3.Options{}), kestrel.HTTP1
	for _, tt := range []struct {
		name string
		h    kestrel.HTTP3
		e    kestrel.Endpoint
		want string
	}{
		{"no option", nil, kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: secure}, "set it to http3.New(http3.Options{})"},
		{"no TLS", h, kestrel.Endpoint{URL: "http://127.0.0.1:0"}, "HTTP/3 is always encrypted"},
		{"a unix socket", h, kestrel.Endpoint{URL: "https://unix:" + filepath.Join(t.TempDir(), "s"), TLS: secure}, "no HTTP/3 on a unix socket"},
		{"middleware", h, kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: secure, Middleware: []connection.Middleware{through}}, "does not run on QUIC"},
		{"a port that is taken", h, kestrel.Endpoint{URL: "https://" + taken.LocalAddr().String(), TLS: secure}, "failed to bind to UDP port"},
		{"another name", h, kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: secure, SNI: map[string]kestrel.SNIOptions{"a.test": {Protocols: &old}, "*": {}}}, "under all names"},
		{"too few streams", http3.New(http3.Options{MaxUnidirectionalStreams: 2}), kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: secure}, "HTTP/3 needs three"},
		{"a small window", http3.New(http3.Options{StreamWindow: 1}), kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: secure}, "16384 to 1073741824"},
		{"a short timeout", http3.New(http3.Options{IdleTimeout: time.Millisecond}), kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: secure}, "at least 1s"},
		{"another early data", http3.New(http3.Options{EarlyData: 9}), kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: secure}, "EarlyDataOff"},
	} {
		tt.e.Protocols = kestrel.HTTP1AndHTTP2AndHTTP3
		s := kestrel.New(kestrel.Options{HTTP3: tt.h, Endpoints: []kestrel.Endpoint{tt.e}})
		err := s.Start(t.Context(), server.HTTP(text("")))
		if err == nil {
			s.Stop(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Start says %v, want %q", tt.name, err, tt.want)
		}
	}
}

// takenUDP is a UDP socket whose number is free for TCP.
func takenUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	for range 100 {
		taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		if twin, err := net.Listen("tcp4", taken.LocalAddr().String()); err == nil {
			twin.Close()
			t.Cleanup(func() { taken.Close() })
			return taken
		}
		taken.Close()
	}
	t.Fatal("no number is free for TCP and UDP")
	return nil
}

func TestLocalhostHasASocketForEachFamily(t *testing.T) {
	cert, err := selfsigned.New("localhost", "127.0.0.1", "::1")
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, text("ok"), func(o *kestrel.Options) {
		o.Endpoints[0].URL, o.Endpoints[0].TLS = "https://localhost:0", &tls.Config{Certificates: []tls.Certificate{cert}}
	})
	r.tls.RootCAs = selfsigned.Pool(cert)
	_, port, _ := net.SplitHostPort(r.host)
	for _, host := range []string{"127.0.0.1", "::1"} {
		if probe, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			continue // the system has no such family
		} else {
			probe.Close()
		}
		resp, err := r.client().Get("https://" + net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		r.want(resp, "ok")
	}
}

func TestAReloadChangesTheCertificateAndKeepsConnections(t *testing.T) {
	var opts kestrel.Options
	r := serve(t, text("ok"), func(o *kestrel.Options) { o.Endpoints[0].Name = "web"; opts = *o })
	old := r.client()
	r.get(old, "/", "ok")
	fresh, err := selfsigned.New("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	e := opts.Endpoints[0]
	e.TLS = &tls.Config{Certificates: []tls.Certificate{fresh}}
	opts.Endpoints = []kestrel.Endpoint{e}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.server.Reload(ctx, opts); err != nil {
		t.Fatal(err)
	}
	r.get(old, "/", "ok")
	if _, err := r.client().Get(r.url); err == nil {
		t.Error("new connections have the old certificate")
	}
	r.tls.RootCAs = selfsigned.Pool(fresh)
	r.get(r.client(), "/", "ok")
}

// TestCertificatesOfTheConfigurationServeHTTP3 is about endpoints that choose a configuration for each client: by a file, and by name.
func TestCertificatesOfTheConfigurationServeHTTP3(t *testing.T) {
	dir := t.TempDir()
	cert, err := selfsigned.New("127.0.0.1", "shop.test")
	if err != nil {
		t.Fatal(err)
	}
	path, key, err := selfsigned.Write(dir, cert)
	if err != nil {
		t.Fatal(err)
	}
	from := kestrel.Certificate{Path: path, KeyPath: key}
	for name, change := range map[string]func(*kestrel.Endpoint){
		"a file":         func(e *kestrel.Endpoint) { e.Certificate = from },
		"a file by name": func(e *kestrel.Endpoint) { e.SNI = map[string]kestrel.SNIOptions{"shop.test": {Certificate: from}} },
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, text("ok"), func(o *kestrel.Options) {
				o.Endpoints[0].TLS = nil
				change(&o.Endpoints[0])
			})
			r.tls = &tls.Config{RootCAs: selfsigned.Pool(cert), ServerName: "shop.test"}
			r.get(r.client(), "/", "ok")
			if name == "a file" {
				r.tls.ServerName = ""
				r.get(r.client(), "/", "ok")
			}
		})
	}
}
