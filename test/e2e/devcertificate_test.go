package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/devcert"
	"github.com/lannerhq/lanner/internal/host"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

const developersSite = `
sites:
  shop:
    bindings: [https://localhost:PORTNO]
    applications: [{path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: shop}}]
`

// emptyHome lets nothing of the user's be found.
func emptyHome(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(name, home)
	}
}

func TestABindingOfThisComputerHasTheDevelopmentCertificate(t *testing.T) {
	emptyHome(t)
	cert, paths, err := devcert.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(paths.Root)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	yaml := strings.ReplaceAll(developersSite, "PORTNO", itoa(freePort(t)))
	r := startHost(t, yaml)
	r.over(&tls.Config{RootCAs: pool, ServerName: "localhost"}, true)
	r.wantGet("a client that trusts the developer's authority", "/", 200, "name=shop")
	list := r.host.Certificates()
	if len(list) != 1 || list[0].Path != paths.Cert || list[0].Error != "" || !list[0].NotAfter.Equal(cert.Leaf.NotAfter) {
		t.Errorf("the host lists %+v, want the certificate %s", list, paths.Cert)
	}

	// An address that others can reach does not get it, and what runs goes on.
	r.write(strings.Replace(yaml, "https://localhost", "https://192.0.2.1", 1))
	_, err = r.control.Reload(t.Context())
	var refused *control.Error
	if !errors.As(err, &refused) || refused.Status != 422 || !strings.Contains(refused.Message, "https without a certificate") || !strings.Contains(refused.Message, "certificate: {path") {
		t.Errorf("a reload to another address: %v, want 422 with the way out", err)
	}
	r.wantGet("the old configuration stays in force", "/", 200, "name=shop")
}

func TestWithoutADevelopmentCertificateTheHostSaysHowToMakeOne(t *testing.T) {
	emptyHome(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "lanner.yaml")
	text := "sites: {web: {bindings: ['https://127.0.0.1:0'], applications: [{hosting: outofprocess, command: 'true'}]}}\n" +
		"control: {socket: " + dir + "/admin.sock}\nlogs: " + dir + "\nstate: " + dir + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.New(cfg, host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = h.Run(ctx, nil)
	var wrong *config.Errors
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), file+":1:") || !strings.Contains(err.Error(), "https needs a certificate (") ||
		!strings.Contains(err.Error(), `"lanner dev-certs https"`) {
		t.Errorf("the host ended with %v, want the binding's line and the command", err)
	}
}
