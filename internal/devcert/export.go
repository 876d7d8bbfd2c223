package devcert

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Format is a format of exported certificates.
type Format string

const (
	PEM Format = "pem" // the certificate and its authority in one file, the key in another
	PFX Format = "pfx" // all in one file (PKCS #12, RFC 7292)
)

// FormatOf returns the format that the name of a file stands for: PFX for .pfx and .p12, otherwise PEM.
func FormatOf(path string) Format {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pfx", ".p12":
		return PFX
	}
	return PEM
}

// Export writes the certificate, which must be there, with its key for another computer or container, and returns the files. In PEM the
// key is beside the certificate, with the extension .key. A password encrypts the key, by AES-256 and PBKDF2; a PFX without one can be
// read by anybody, as can a PEM. The files are the user's alone (0600); files of these names are replaced.
func (m *Manager) Export(ctx context.Context, path string, format Format, password string) ([]string, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	leaf, err := m.load(leafCert, leafKey)
	if err != nil {
		return nil, err
	}
	root, err := m.readCert(rootCert)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return nil, &HintError{fmt.Errorf("cannot export to %s: there is no folder %s", path, filepath.Dir(path)), "create it first"}
	}
	der, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the key: %w", err)
	}
	switch format {
	case PFX:
		content, err := encodePFX(der, []*x509.Certificate{leaf.cert, root}, password)
		if err != nil {
			return nil, err
		}
		return []string{path}, writeFile(path, content, 0o600)
	case PEM:
		keyPath := strings.TrimSuffix(path, filepath.Ext(path)) + ".key"
		if keyPath == path {
			return nil, &HintError{fmt.Errorf("cannot export to %s: the key goes to the file with .key", path), "name it .pem or .crt"}
		}
		block := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
		if password != "" {
			block.Type = "ENCRYPTED PRIVATE KEY"
			if block.Bytes, err = encryptKey(der, password); err != nil {
				return nil, err
			}
		}
		return []string{path, keyPath}, errors.Join(
			writeFile(keyPath, pem.EncodeToMemory(block), 0o600), writeFile(path, encodeCerts(leaf.cert, root), 0o600))
	}
	return nil, fmt.Errorf("there is no format %q, only %s and %s", format, PEM, PFX)
}
