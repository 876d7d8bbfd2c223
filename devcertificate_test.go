package lanner

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/devcert"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// throwawayHome has the development certificate in a folder of the test's own.
func throwawayHome(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the folder of configurations is not named by a variable alone")
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
}

func TestTheDevelopmentCertificateIsForLoopbackAloneAndAfterAllOthers(t *testing.T) {
	throwawayHome(t)
	_, paths, err := devcert.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := kestrel.Certificates{Default: kestrel.Certificate{Path: "other.pem"}}
	for name, tt := range map[string]struct {
		urls []string
		opts kestrel.Options
		want string
	}{
		"a URL on localhost":           {urls: []string{"http://127.0.0.1:1", "https://localhost:2"}, want: paths.Cert},
		"a name below it":              {urls: []string{"https://shop.dev.localhost:2"}, want: paths.Cert},
		"an endpoint on an address":    {opts: kestrel.Options{Endpoints: []kestrel.Endpoint{{URL: "https://[::1]:2"}}}, want: paths.Cert},
		"no https":                     {urls: []string{"http://localhost:2"}},
		"for everybody":                {urls: []string{"https://localhost:2", "https://*:3"}},
		"another name":                 {urls: []string{"https://shop.example:2"}},
		"a certificate for all others": {urls: []string{"https://localhost:2"}, opts: kestrel.Options{Certificates: other}, want: "other.pem"},
		"one of its own":               {opts: kestrel.Options{Endpoints: []kestrel.Endpoint{{URL: "https://localhost:2", Certificate: kestrel.Certificate{Path: "a.pem"}}}}},
		"one from code":                {opts: kestrel.Options{Endpoints: []kestrel.Endpoint{{URL: "https://localhost:2", TLS: &tls.Config{}}}}},
	} {
		if err := useDevCertificate(&tt.opts, tt.urls); err != nil || tt.opts.Certificates.Default.Path != tt.want {
			t.Errorf("%s: the certificate %q, %v, want %q", name, tt.opts.Certificates.Default.Path, err, tt.want)
		}
	}
}

func TestWithoutADevelopmentCertificateTheErrorSaysHowToMakeOne(t *testing.T) {
	throwawayHome(t)
	err := useDevCertificate(new(kestrel.Options), []string{"https://localhost:2"})
	if err == nil || !strings.Contains(err.Error(), "lanner dev-certs https") {
		t.Errorf("%v, want the command", err)
	}
	if entries, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "*", "*")); len(entries) > 0 {
		t.Errorf("%q were made by looking", entries)
	}
}

func TestAProgramServesHTTPSByTheDevelopmentCertificate(t *testing.T) {
	throwawayHome(t)
	_, paths, err := devcert.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(paths.Root)
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	a := New(server.HTTP(hello), quiet, WithArgs(nil), environment("LANNER_URLS", "https://127.0.0.1:0"), OnStarted(func() { close(started) }))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	select {
	case <-started:
	case err := <-ended:
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	addresses, _ := server.Get[server.ServerAddressesFeature](a.Server().Features())
	res, err := (&http.Client{Transport: tr}).Get(addresses.Addresses()[0])
	if err != nil {
		t.Error(err)
	} else {
		res.Body.Close()
		if res.StatusCode != 200 || res.ProtoMajor != 2 {
			t.Errorf("%s by %s", res.Status, res.Proto)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
