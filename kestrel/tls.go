package kestrel

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Certificate names the files of a certificate. The zero value is none.
type Certificate struct {
	// Path is a PEM file with the certificate, and behind it those that lead to the client's authority. A path that is not absolute
	// begins in the working directory. Start and AddEndpoint read it; so does Reload, for connections from then on.
	Path string
	// KeyPath is a PEM file with the private key. Empty means that it is in the file of the certificate.
	KeyPath string
}

// encrypted reports whether connections of the endpoint begin with a TLS handshake.
func (e *Endpoint) encrypted() bool { return e.TLS != nil || e.Certificate.Path != "" }

// checkScheme says why the URL and the certificate do not go together.
func (e *Endpoint) checkScheme(a Address) error {
	switch {
	case a.Scheme == "https" && !e.encrypted():
		return fmt.Errorf("address %s: https needs a certificate: set the endpoint's TLS in code, or Certificate.Path and Certificate.KeyPath in the configuration", a)
	case a.Scheme == "http" && e.encrypted():
		return fmt.Errorf("address %s: the endpoint has a certificate, but http does not encrypt: write https, or leave TLS and Certificate out", a)
	}
	return nil
}

// checkTLS calls bad for each mistake in what the endpoint says of TLS.
func (e *Endpoint) checkTLS(bad func(option, format string, args ...any)) {
	if err := e.Protocols.validate(); err != nil {
		bad("Protocols", "endpoint %q: %w", e.Name, err)
	}
	if e.HandshakeTimeout < None {
		bad("HandshakeTimeout", "endpoint %q: HandshakeTimeout is %v: it must be more than 0, -1 for no limit, or 0 for the default", e.Name, e.HandshakeTimeout)
	}
	if e.Certificate.KeyPath != "" && e.Certificate.Path == "" {
		bad("Certificate.KeyPath", "endpoint %q: Certificate.KeyPath is %q, but there is no Certificate.Path", e.Name, e.Certificate.KeyPath)
	}
	if e.TLS == nil {
		return
	}
	own := len(e.TLS.Certificates) > 0 || e.TLS.GetCertificate != nil
	switch {
	case own && e.Certificate.Path != "":
		bad("Certificate", "endpoint %q: Certificate.Path is %q, and TLS has certificates of its own: leave one of them out", e.Name, e.Certificate.Path)
	case !own && e.TLS.GetConfigForClient == nil && e.Certificate.Path == "":
		bad("TLS", "endpoint %q: TLS has no certificate: set its Certificates, GetCertificate or GetConfigForClient, or the endpoint's Certificate.Path", e.Name)
	}
	for name, version := range map[string]uint16{"MinVersion": e.TLS.MinVersion, "MaxVersion": e.TLS.MaxVersion} {
		if version != 0 && version < tls.VersionTLS12 {
			bad("TLS", "endpoint %q: TLS.%s is %s: the least is TLS 1.2 (RFC 8996); leave it out", e.Name, name, tls.VersionName(version))
		}
	}
}

// tlsConfig returns what the endpoint's TLS is made by, with the certificate of its files; nil for none.
func (e *Endpoint) tlsConfig() (*tls.Config, error) {
	if e.Certificate.Path == "" {
		return e.TLS, nil
	}
	cert, err := e.Certificate.load()
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", e.Name, err)
	}
	cfg := &tls.Config{}
	if e.TLS != nil {
		cfg = e.TLS.Clone()
	}
	cfg.Certificates = []tls.Certificate{cert}
	return cfg, nil
}

func (c Certificate) load() (tls.Certificate, error) {
	key := nameOr(c.KeyPath, c.Path)
	cert, err := tls.LoadX509KeyPair(c.Path, key)
	switch {
	case err != nil && key == c.Path:
		return cert, fmt.Errorf("cannot use the certificate %s, with its key in the same file since there is no Certificate.KeyPath: %w", c.Path, err)
	case err != nil:
		return cert, fmt.Errorf("cannot use the certificate %s with the key %s: %w", c.Path, key, err)
	}
	if err := forServers(cert.Leaf); err != nil {
		return cert, fmt.Errorf("cannot use the certificate %s: %w", c.Path, err)
	}
	return cert, nil
}

// forServers refuses what clients would: a certificate whose extended key usage is there and is not that of servers (RFC 5280
// §4.2.1.12), as Kestrel does.
func forServers(leaf *x509.Certificate) error {
	if len(leaf.ExtKeyUsage) == 0 && len(leaf.UnknownExtKeyUsage) == 0 ||
		slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	return errors.New("its extended key usage is not that of a server (serverAuth)")
}

// sameCertificates reports whether two configurations show the same certificates from files.
func sameCertificates(a, b *tls.Config) bool {
	return slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
		return slices.EqualFunc(a.Certificate, b.Certificate, slices.Equal)
	})
}
