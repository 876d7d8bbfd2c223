package devcert

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// distribution is where one family of Linux distributions has authorities that the administrator adds, and what makes of them the
// bundle that programs read. Sources: the manual pages of update-ca-trust(8) and update-ca-certificates(8) of each.
type distribution struct {
	anchors, suffix string
	bundle          string
	update          []string
	clean           []string // as update, after an authority was removed
}

var distributions = []distribution{
	{ // Fedora, RHEL
		"/etc/pki/ca-trust/source/anchors", ".pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		[]string{"update-ca-trust", "extract"}, []string{"update-ca-trust", "extract"},
	},
	{ // SUSE
		"/etc/pki/trust/anchors", ".pem", "/var/lib/ca-certificates/ca-bundle.pem",
		[]string{"update-ca-certificates"}, []string{"update-ca-certificates"},
	},
	{ // Arch
		"/etc/ca-certificates/trust-source/anchors", ".crt", "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
		[]string{"update-ca-trust"}, []string{"update-ca-trust"},
	},
	{ // Debian, Ubuntu, Alpine; --fresh also removes the links to what is not there any more
		"/usr/local/share/ca-certificates", ".crt", "/etc/ssl/certs/ca-certificates.crt",
		[]string{"update-ca-certificates"}, []string{"update-ca-certificates", "--fresh"},
	},
}

// systemStore is the store of the distribution.
type systemStore struct {
	*machine
	distribution
	command string
}

// systemStore returns the store, or nil if there is none.
func (m *machine) systemStore() store {
	for _, d := range distributions {
		d.anchors, d.bundle = m.base+d.anchors, m.base+d.bundle
		if info, err := os.Stat(d.anchors); err != nil || !info.IsDir() {
			continue
		}
		if command, ok := m.command(d.update[0]); ok {
			return &systemStore{m, d, command}
		}
	}
	return nil
}

func (s *systemStore) kind() Kind    { return System }
func (s *systemStore) place() string { return s.anchors }

func (s *systemStore) file(root *x509.Certificate) string {
	return filepath.Join(s.anchors, "lanner-dev-"+fingerprint(root)[:16]+s.suffix)
}

// look asks the bundle. What is only among the anchors will be in the bundle after the next update.
func (s *systemStore) look(_ context.Context, root *x509.Certificate, _ string) (presence, error) {
	text, err := os.ReadFile(s.bundle)
	if err != nil && !isMissing(err) {
		return absent, fmt.Errorf("cannot read the system's authorities: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if bytes.Equal(block.Bytes, root.Raw) {
			return trusted, nil
		}
	}
	if _, err := os.Stat(s.file(root)); err == nil {
		return present, nil
	}
	return absent, nil
}

func (s *systemStore) add(ctx context.Context, root *x509.Certificate, path string) error {
	if s.euid != 0 {
		return s.rootNeeded("install -m 644 "+quote(path)+" "+quote(s.file(root)), s.update)
	}
	if err := writeFile(s.file(root), encodeCerts(root), 0o644); err != nil {
		return err
	}
	_, err := s.run(ctx, s.command, s.update[1:]...)
	return err
}

func (s *systemStore) remove(ctx context.Context, root *x509.Certificate, _ string) error {
	if s.euid != 0 {
		return s.rootNeeded("rm -f "+quote(s.file(root)), s.clean)
	}
	if err := os.Remove(s.file(root)); err != nil && !isMissing(err) {
		return err
	}
	if _, err := s.run(ctx, s.command, s.clean[1:]...); err != nil {
		return err
	}
	p, err := s.look(ctx, root, "")
	if err == nil && p != absent {
		err = fmt.Errorf("the authority is still in %s: somebody else has added it", s.bundle)
	}
	return err
}

// rootNeeded is the error of a change that is root's. Nothing asks to become root: that is for the user to decide.
func (s *systemStore) rootNeeded(change string, update []string) error {
	return &HintError{
		errors.New("only root can change the system's authorities"),
		"sudo " + change + " && sudo " + strings.Join(update, " "),
	}
}
