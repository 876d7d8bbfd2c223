package main

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// carriers are the ways in which a connection is carried and its handlers run.
var carriers = []struct {
	name      string
	transport kestrel.Transport
	exec      kestrel.Exec
}{
	{"inline", kestrel.TransportAuto, kestrel.ExecInline},
	{"goroutine", kestrel.TransportAuto, kestrel.ExecGoroutine},
	{"portable", kestrel.TransportPortable, kestrel.ExecAuto},
}

// TestKestrelPassesTheSuite runs every case on each carrier, in cleartext and over TLS.
func TestKestrelPassesTheSuite(t *testing.T) {
	for _, carrier := range carriers {
		for _, scheme := range []string{"http", "https"} {
			t.Run(carrier.name+" "+scheme, func(t *testing.T) {
				endpoint := kestrel.Endpoint{URL: scheme + "://127.0.0.1:0"}
				args := []string{"-timeout", "30s"}
				if scheme == "https" {
					certificate, err := selfsigned.New("127.0.0.1")
					if err != nil {
						t.Fatal(err)
					}
					endpoint.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
					args = append(args, "-tls")
				}
				srv := kestrel.New(kestrel.Options{Endpoints: []kestrel.Endpoint{endpoint}, Transport: carrier.transport, Exec: carrier.exec,
					Logger: slog.New(slog.DiscardHandler)})
				if err := srv.Start(t.Context(), server.HTTP(http.HandlerFunc(readThenAnswer))); err != nil {
					t.Fatal(err)
				}
				defer srv.Stop(t.Context())
				args = append(args, "-addr", strings.TrimPrefix(srv.Addresses()[0], scheme+"://"))
				var stdout, stderr strings.Builder
				if status := run(args, &stdout, &stderr); status != 0 {
					t.Errorf("status %d: %s%s", status, &stdout, &stderr)
				}
				t.Log(stdout.String())
			})
		}
	}
}

func readThenAnswer(w http.ResponseWriter, req *http.Request) {
	io.Copy(io.Discard, req.Body) // an error is the end of the request, which the suite provokes
	io.WriteString(w, "hello, world")
}
