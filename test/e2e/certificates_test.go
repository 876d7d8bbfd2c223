//go:build linux

package e2e

import (
	"crypto/x509"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// command runs the lanner command with the host's configuration file, and wants an exit code.
func (r *running) command(wantCode int, args ...string) string {
	r.t.Helper()
	cmd := exec.Command(lannerCommand(r.t), append(args, "--config", r.file)...)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != wantCode {
		r.t.Fatalf("lanner %s: exit code %d, want %d: %v\n%s", strings.Join(args, " "), code, wantCode, err, out)
	}
	return string(out)
}

func TestCertificatesAreImportedShownAndReadAgainWithTheCommand(t *testing.T) {
	r, a := startSecure(t, strings.NewReplacer("HOSTING", "inprocess", "address: 127.0.0.1", "address: 127.0.0.1, host: localhost").Replace(secureSite))
	path := func(name string) string { return filepath.Join(r.dir, name) }
	first := r.shown(a)

	// What clients would refuse is refused, and nothing has changed.
	expired := x509.Certificate{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	a.issue(path("bad.pem"), path("bad.key"), selfsigned.Spec{Names: []string{"localhost"}, Template: expired})
	if out := r.command(78, "certs", "import", "localhost", path("bad.pem"), path("bad.key")); !strings.Contains(out, "bad.pem") || !strings.Contains(out, "expired") {
		t.Errorf("the refusal has no file or reason:\n%s", out)
	}
	if !r.shown(a).Equal(first) {
		t.Error("another certificate is shown after a refusal")
	}

	a.issue(path("next.pem"), path("next.key"), selfsigned.Spec{Names: []string{"localhost", "127.0.0.1"}})
	if out := r.command(0, "certs", "import", "localhost", path("next.pem"), path("next.key")); !strings.Contains(out, "the host shows it") {
		t.Errorf("the import:\n%s", out)
	}
	second := r.shown(a)
	if second.Equal(first) {
		t.Error("the old certificate is shown after the import")
	}
	if status, body := r.getHost("localhost", "/"); status != 200 || !strings.Contains(body, "name=shop") {
		t.Errorf("after the import: %d %q", status, body)
	}

	var shown struct{ Certificates []control.CertificateDetail }
	if err := json.Unmarshal([]byte(r.command(0, "certs", "show", "localhost", "--json")), &shown); err != nil || len(shown.Certificates) != 1 {
		t.Fatalf("%v, %+v", err, shown)
	}
	c := shown.Certificates[0]
	if c.Path != path("cert.pem") || c.KeyPath != path("key.pem") || c.Source != control.SourceFile || c.Key != "ECDSA P-256" || len(c.Chain) == 0 ||
		!c.NotAfter.Equal(second.NotAfter) || c.OCSP.Status != "the authority has no responder" {
		t.Errorf("shown is %+v", c)
	}
	r.command(2, "certs", "show", "other.example.org")

	// Files that are written by hand are read at once, or refused.
	if out := r.command(0, "certs", "renew", "localhost"); !strings.Contains(out, "nothing has changed") {
		t.Errorf("files that are the same:\n%s", out)
	}
	a.issue(path("cert.pem"), path("key.pem"), selfsigned.Spec{Names: []string{"localhost"}})
	r.command(0, "certs", "renew", "localhost")
	third := r.shown(a)
	if third.Equal(second) {
		t.Error("the old certificate is shown after its files were read again")
	}
	a.issue(path("cert.pem"), path("key.pem"), selfsigned.Spec{Names: []string{"localhost"}, Template: expired})
	if out := r.command(78, "certs", "renew", "localhost"); !strings.Contains(out, "cert.pem") || !strings.Contains(out, "repair the files") {
		t.Errorf("files that cannot be used:\n%s", out)
	}
	if !r.shown(a).Equal(third) {
		t.Error("another certificate is shown")
	}
	if out := r.command(1, "certs", "show", "localhost"); !strings.Contains(out, "expired") {
		t.Errorf("what is wrong is not shown:\n%s", out)
	}
}
