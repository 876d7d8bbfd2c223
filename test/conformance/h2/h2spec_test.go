package h2

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// TestH2specPasses runs the conformance suite h2spec in strict mode, in cleartext on each carrier and over TLS. It is a module of its
// own, which is built here.
func TestH2specPasses(t *testing.T) {
	if onStandIn {
		t.Skip("it is kestrel that must pass")
	}
	suite := filepath.Join(t.TempDir(), "h2spec")
	build := exec.Command("go", "build", "-o", suite, ".")
	build.Dir = "../../h2spec"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("h2spec cannot be built: %v\n%s", err, out)
	}
	// An endpoint for HTTP/2 alone, since one for both takes what is not the preface for a request of HTTP/1.1.
	clear := kestrel.Endpoint{URL: "http://127.0.0.1:0", Protocols: kestrel.HTTP2}
	secure := kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}}
	for _, carrier := range carriers {
		t.Run(carrier.name, func(t *testing.T) { h2spec(t, suite, carrier, clear) })
	}
	t.Run("TLS", func(t *testing.T) { h2spec(t, suite, carriers[0], secure, "-tls") })
}

func h2spec(t *testing.T, suite string, on carrier, at kestrel.Endpoint, args ...string) {
	t.Parallel()
	srv := kestrel.New(kestrel.Options{Endpoints: []kestrel.Endpoint{at}, Transport: on.transport, Exec: on.exec})
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello, world")
	})
	if err := srv.Start(t.Context(), server.HTTP(app)); err != nil {
		t.Fatal(err)
	}
	defer srv.Stop(context.Background())
	_, addr, _ := strings.Cut(srv.Addresses()[0], "://")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, suite, append([]string{"-addr", addr, "-timeout", "20s"}, args...)...).CombinedOutput()
	if i := strings.LastIndex(string(out), "h2spec: "); err != nil || i < 0 {
		t.Fatalf("%v\n%s", err, out[max(0, i):])
	} else {
		t.Logf("%s", out[i:])
	}
}
