package devcert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// isClosed reports whether the folder is closed to others. Windows has other means: the folder is in the user's profile.
func (m *Manager) isClosed() bool {
	info, err := os.Stat(m.dir)
	return err == nil && (runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0)
}

// makeFolder creates the folder, and closes it to others if it was open to them.
func (m *Manager) makeFolder() error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return fmt.Errorf("cannot create the folder of the development certificate: %w", err)
	}
	if m.isClosed() {
		return nil
	}
	if err := os.Chmod(m.dir, 0o700); err != nil {
		return fmt.Errorf("cannot close the folder of the development certificate to others: %w", err)
	}
	return nil
}

// load reads a certificate and its key. The error is an unfitError if they are not there or cannot be used; the key is there if only
// the certificate is unfit.
func (m *Manager) load(certName, keyName string) (pair, error) {
	key, err := m.readKey(keyName)
	if err != nil {
		return pair{}, err
	}
	cert, err := m.readCert(certName)
	if err != nil {
		return pair{key: key}, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return pair{key: key}, unfit("%s is not the key of %s", keyName, certName)
	}
	return pair{cert, key}, nil
}

func (m *Manager) readCert(name string) (*x509.Certificate, error) {
	der, err := m.readPEM(name, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, unfit("%s is damaged: %v", m.file(name), err)
	}
	return cert, nil
}

func (m *Manager) readKey(name string) (*ecdsa.PrivateKey, error) {
	der, err := m.readPEM(name, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, unfit("%s is damaged: %v", m.file(name), err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, unfit("%s is not an ECDSA key", m.file(name))
	}
	return key, nil
}

func (m *Manager) readPEM(name, kind string) ([]byte, error) {
	text, err := os.ReadFile(m.file(name))
	if isMissing(err) {
		return nil, unfit("there is no %s", m.file(name))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the development certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, unfit("%s is damaged: it has no %s in PEM", m.file(name), kind)
	}
	return block.Bytes, nil
}

func (m *Manager) writeCert(name string, cert *x509.Certificate) error {
	return writeFile(m.file(name), encodeCerts(cert), 0o644)
}

func (m *Manager) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("cannot encode %s: %w", name, err)
	}
	return writeFile(m.file(name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func encodeCerts(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, cert := range certs {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	}
	return b.Bytes()
}

// unfinished is what a file is called while it is written.
const unfinished = ".lanner-new-*"

// removeUnfinished removes what processes have left that ended while they wrote.
func (m *Manager) removeUnfinished() {
	paths, _ := filepath.Glob(filepath.Join(escapeGlob(m.dir), unfinished))
	for _, path := range paths {
		os.Remove(path)
	}
}

// writeFile replaces a file by one rename, so that a reader sees the former content or the new one.
func writeFile(path string, content []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), unfinished) // 0600
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", path, err)
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// retire remembers a former authority, whose trust is to be removed. Its key is gone with the next one's.
func (m *Manager) retire(root *x509.Certificate) error {
	return m.writeCert(retiredPrefix+fingerprint(root)[:16]+".pem", root)
}

// retired returns the former authorities by the names of their files. What cannot be read is not ours.
func (m *Manager) retired() map[string]*x509.Certificate {
	paths, _ := filepath.Glob(filepath.Join(escapeGlob(m.dir), retiredPrefix+"*.pem"))
	found := map[string]*x509.Certificate{}
	for _, path := range paths {
		if cert, err := m.readCert(filepath.Base(path)); err == nil {
			found[filepath.Base(path)] = cert
		}
	}
	return found
}
