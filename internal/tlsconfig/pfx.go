package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"software.sslmate.com/src/go-pkcs12"
)

// readPFX reads a file of PKCS#12 (RFC 7292). Its certificates have no order: they are put behind the leaf as one was issued by the next.
func readPFX(path string, data []byte, password string) (*Certificate, error) {
	if _, err := x509.ParseCertificate(data); err == nil {
		_, err := parsePEM(path, data)
		return nil, err
	}
	key, first, rest, err := pkcs12.DecodeChain(data, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && password == "":
		return nil, fmt.Errorf("%s has a password: set Password", path)
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, fmt.Errorf("the password of %s is another: check Password", path)
	case err != nil:
		return nil, fmt.Errorf("%s is neither PEM nor PKCS#12 with one key: %w", path, err)
	}
	all := append([]*x509.Certificate{first}, rest...)
	leaf := slices.IndexFunc(all, func(c *x509.Certificate) bool { return matches(c, key) })
	if leaf < 0 {
		return nil, fmt.Errorf("no certificate in %s is for its private key", path)
	}
	return &Certificate{TLS: tls.Certificate{PrivateKey: key}, Path: path, chain: linked(all, leaf)}, nil
}

// linked returns the certificates in the order in which one was issued by the next, beginning with one of them. What is not led to is at the
// end.
func linked(all []*x509.Certificate, first int) []*x509.Certificate {
	rest := slices.Clone(all)
	var out []*x509.Certificate
	for next := first; next >= 0; {
		cert := rest[next]
		out = append(out, cert)
		rest = slices.Delete(rest, next, next+1)
		next = slices.IndexFunc(rest, func(c *x509.Certificate) bool { return issued(c, cert) })
	}
	return append(out, rest...)
}
