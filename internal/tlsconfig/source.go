package tlsconfig

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Source is where a certificate with its key is, or many. The zero value is none.
type Source struct {
	// Path is a file of PEM with the certificate and behind it those that lead on to the authority, or of PKCS#12 (PFX). Which it is, its
	// content says.
	Path string
	// KeyPath is a file of PEM with the private key: PKCS#8, PKCS#1 or SEC 1. Empty means that it is in Path.
	KeyPath string
	// Password is that of a PKCS#12 file, also of those in Directory.
	Password string
	// Directory has certificates for the names that they are made for: NAME.pem or .crt with NAME.key, or with its key in it, NAME.pfx or
	// .p12, and folders with fullchain.pem and privkey.pem, as certbot keeps them. It may be such a folder itself.
	Directory string
}

func (s Source) isZero() bool { return s.Path == "" && s.Directory == "" }

// Certificate is one that has been read and checked.
type Certificate struct {
	// TLS has the whole chain, and the leaf parsed.
	TLS tls.Certificate
	// Path is the file that it came from, KeyPath that of its key; empty if that is the same.
	Path, KeyPath string

	chain []*x509.Certificate
}

// fingerprint tells certificates apart.
func (c *Certificate) fingerprint() string { return string(c.TLS.Certificate[0]) }

// Subject is the name of the certificate for messages.
func (c *Certificate) Subject() string { return subjectOf(c.chain[0]) }

// maxFile bounds what is read of a file: a chain has some kilobytes.
const maxFile = 1 << 20

// load reads what s names. Which files it looks at is noted in seen, before it does: a change while it reads is one that comes later.
func (s Source) load(seen *snapshot, check *checker) ([]*Certificate, error) {
	var out []*Certificate
	var errs []error
	if s.Path != "" {
		c, err := loadFiles(s.Path, s.KeyPath, s.Password, seen, check)
		if err == nil {
			out = append(out, c)
		}
		errs = append(errs, err)
	}
	if s.Directory != "" {
		found, err := loadDirectory(s.Directory, s.Password, seen, check)
		out = append(out, found...)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

// loadFiles reads one certificate.
func loadFiles(path, keyPath, password string, seen *snapshot, check *checker) (*Certificate, error) {
	c, err := readPair(path, keyPath, password, seen)
	if err == nil {
		c.KeyPath = keyPath
		err = check.certificate(c)
	}
	if err != nil && keyPath != "" {
		return nil, fmt.Errorf("cannot use the certificate %s with the key %s: %w", path, keyPath, err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the certificate %s: %w", path, err)
	}
	return c, nil
}

func readPair(path, keyPath, password string, seen *snapshot) (*Certificate, error) {
	data, secret, err := readFile(path, seen)
	if err != nil {
		return nil, err
	}
	if keyPath == "" && !isPEM(data) {
		if err := secret(); err != nil {
			return nil, err
		}
		return readPFX(path, data, password)
	}
	certs, err := parsePEM(path, data)
	if err != nil {
		return nil, err
	}
	keys := certs
	if certs.key != nil {
		if err := secret(); err != nil {
			return nil, err
		}
	}
	if keyPath != "" {
		if keys, err = readKey(keyPath, seen); err != nil {
			return nil, err
		}
		if certs.key != nil {
			return nil, fmt.Errorf("%s has a private key, too: remove it there, or leave KeyPath out", path)
		}
	}
	switch {
	case len(certs.chain) == 0:
		return nil, fmt.Errorf("there is no certificate in %s: it must have a block BEGIN CERTIFICATE", path)
	case keys.key == nil && keyPath == "":
		return nil, fmt.Errorf("there is no private key in %s, and it must be there, with its key in the same file since there is no Certificate.KeyPath: set KeyPath to the file of the key", path)
	case keys.key == nil:
		return nil, fmt.Errorf("there is no private key in %s: it must have a block BEGIN PRIVATE KEY", keyPath)
	}
	return &Certificate{TLS: tls.Certificate{PrivateKey: keys.key}, Path: path, chain: certs.chain}, nil
}

// readKey reads a file that has a key, and perhaps certificates that are not looked at.
func readKey(path string, seen *snapshot) (*blocks, error) {
	data, secret, err := readFile(path, seen)
	if err != nil {
		return nil, err
	}
	if err := secret(); err != nil {
		return nil, err
	}
	return parsePEM(path, data)
}

// readFile reads a file. secret says why it must not have a private key in it.
func readFile(path string, seen *snapshot) (data []byte, secret func() error, err error) {
	seen.add(path)
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	switch {
	case info.IsDir():
		return nil, nil, fmt.Errorf("%s is a folder: name the file, or name the folder as Directory", path)
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxFile:
		return nil, nil, fmt.Errorf("%s has %d bytes, more than a certificate has: is it another file?", path, info.Size())
	}
	data = make([]byte, info.Size())
	n, err := readFull(f, data)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return data[:n], func() error { return private(path, info) }, nil
}

func unreadable(err error) error {
	var path *os.PathError
	if !errors.As(err, &path) {
		return err
	}
	switch {
	case os.IsNotExist(err):
		at := path.Path
		if abs, err := filepath.Abs(at); err == nil && abs != at {
			at += " (" + abs + ")"
		}
		return fmt.Errorf("there is no file %s: check the path: %w", at, path.Err)
	case os.IsPermission(err):
		return fmt.Errorf("%s may not be read by this process, %s: give the file to that user: %w", path.Path, whoami(), path.Err)
	}
	return err
}

// subjectOf is how a certificate is called in messages.
func subjectOf(c *x509.Certificate) string {
	if text := c.Subject.String(); text != "" {
		return fmt.Sprintf("%q", text)
	}
	if len(c.DNSNames) > 0 {
		return fmt.Sprintf("%q", strings.Join(c.DNSNames, ", "))
	}
	return "serial " + hex.EncodeToString(c.SerialNumber.Bytes())
}

// matches reports whether a certificate is for a key.
func matches(cert *x509.Certificate, key crypto.PrivateKey) bool {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return false
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(cert.PublicKey)
}
