package devcert

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"path/filepath"
	"strings"
)

// keychain is the user's login keychain. The system asks the user before it changes what is trusted; nothing needs to be root.
type keychain struct{ *machine }

// security is the command of security(1).
const security = "/usr/bin/security"

func (m *machine) stores() []store { return []store{&keychain{m}} }

func (k *keychain) kind() Kind { return System }
func (k *keychain) place() string {
	return filepath.Join(k.home, "Library/Keychains/login.keychain-db")
}

// look verifies the authority as a server's, without the network (-L), and accepting that it is an authority (-l).
func (k *keychain) look(ctx context.Context, root *x509.Certificate, path string) (presence, error) {
	if _, err := k.run(ctx, security, "verify-cert", "-c", path, "-l", "-L", "-p", "basic"); err == nil {
		return trusted, nil
	} else if _, failed := exitCode(err); !failed {
		return absent, err
	}
	if _, err := k.run(ctx, security, "find-certificate", "-c", root.Subject.CommonName, k.place()); err == nil {
		return present, nil
	}
	return absent, nil
}

func (k *keychain) add(ctx context.Context, _ *x509.Certificate, path string) error {
	_, err := k.run(ctx, security, "add-trusted-cert", "-r", "trustRoot", "-p", "ssl", "-p", "basic", "-k", k.place(), path)
	return err
}

// remove removes the certificate and what the user trusts it for (-t).
func (k *keychain) remove(ctx context.Context, root *x509.Certificate, _ string) error {
	sum := sha1.Sum(root.Raw) // the name that security(1) has for a certificate
	_, err := k.run(ctx, security, "delete-certificate", "-t", "-Z", strings.ToUpper(hex.EncodeToString(sum[:])), k.place())
	return err
}
