package devcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"time"
)

const (
	// leafLife is the longest that a certificate may be valid: clients refuse more than 398 days (CA/Browser Forum, Baseline
	// Requirements, section 6.3.2, of 2020 to 2026), and recommended was 397.
	leafLife = 397 * 24 * time.Hour
	rootLife = 5 * 365 * 24 * time.Hour
	// renewal is how long before their end both are replaced.
	renewal = 30 * 24 * time.Hour
	// skew is how far another clock may be behind ours.
	skew = time.Hour

	purpose = "Lanner development certificate"
)

var (
	// leafNames has a second wildcard because browsers refuse "*.localhost": to them localhost is a top-level domain.
	leafNames = []string{"localhost", "*.localhost", "*.dev.localhost"}
	leafIPs   = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}

	// permittedName permits all below it, too (RFC 5280, section 4.2.1.10).
	permittedName = "localhost"
	permittedIPs  = []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
)

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make a key: %w", err)
	}
	return key, nil
}

// newRoot makes an authority. Its name is its own: stores of trust tell authorities apart by their names.
func newRoot(now time.Time) (pair, error) {
	key, err := newKey()
	if err != nil {
		return pair{}, err
	}
	id, err := keyID(&key.PublicKey)
	if err != nil {
		return pair{}, err
	}
	cert, err := sign(&x509.Certificate{
		Subject:                     subject("Lanner development authority " + hex.EncodeToString(id[:4])),
		NotBefore:                   now.Add(-skew),
		NotAfter:                    now.Add(-skew).Add(rootLife - time.Second), // both ends are within
		IsCA:                        true,
		BasicConstraintsValid:       true,
		MaxPathLenZero:              true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{permittedName},
		PermittedIPRanges:           permittedIPs,
		SubjectKeyId:                id,
		AuthorityKeyId:              id,
	}, nil, key, key)
	return pair{cert, key}, err
}

// newLeaf makes a certificate for servers. It does not outlive the authority.
func newLeaf(root pair, key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	id, err := keyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	end := now.Add(-skew).Add(leafLife - time.Second)
	if end.After(root.cert.NotAfter) {
		end = root.cert.NotAfter
	}
	return sign(&x509.Certificate{
		Subject:               subject("localhost"),
		NotBefore:             now.Add(-skew),
		NotAfter:              end,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              leafNames,
		IPAddresses:           leafIPs,
		SubjectKeyId:          id,
		AuthorityKeyId:        root.cert.SubjectKeyId,
	}, root.cert, key, root.key)
}

func subject(name string) pkix.Name {
	return pkix.Name{Organization: []string{purpose}, CommonName: name}
}

// sign makes a certificate for key, signed by the authority with signer. Without an authority it signs itself.
func sign(template, authority *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	if authority == nil {
		authority = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("cannot sign the certificate of %s: %w", template.Subject, err)
	}
	return x509.ParseCertificate(der)
}

// keyID returns the identifier of a key: the first 160 bits of its hash (RFC 7093, section 2, method 1).
func keyID(key *ecdsa.PublicKey) ([]byte, error) {
	point, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("cannot encode a public key: %w", err)
	}
	sum := sha256.Sum256(point)
	return sum[:20], nil
}

// clockError is an authority of the future. It is not replaced, which would cost its trust: clocks are set right again.
type clockError struct{ notBefore time.Time }

func (e *clockError) Error() string {
	return fmt.Sprintf("the authority is not valid before %s: set the clock, or begin anew by lanner dev-certs https --clean",
		e.notBefore.UTC().Format(time.RFC3339))
}

// checkRoot says why the authority has to be replaced, as an unfitError; or it is a clockError.
func checkRoot(root *x509.Certificate, now time.Time) error {
	switch {
	case !root.IsCA || root.CheckSignatureFrom(root) != nil:
		return unfit("%s is not the certificate of an authority", rootCert)
	case now.Before(root.NotBefore):
		return &clockError{root.NotBefore}
	case now.Add(renewal).After(root.NotAfter):
		return unfit("the authority ends on %s", day(root.NotAfter))
	case !root.PermittedDNSDomainsCritical || !slices.Equal(root.PermittedDNSDomains, []string{permittedName}) ||
		!slices.EqualFunc(root.PermittedIPRanges, permittedIPs, func(a, b *net.IPNet) bool { return a.String() == b.String() }):
		return unfit("the authority may sign for other names than localhost")
	}
	return nil
}

// checkLeaf says why the certificate has to be renewed, as an unfitError.
func checkLeaf(leaf, root *x509.Certificate, now time.Time) error {
	switch {
	case leaf.CheckSignatureFrom(root) != nil:
		return unfit("the certificate is by another authority")
	case now.Before(leaf.NotBefore):
		return unfit("the certificate is not valid before %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	case now.Add(renewal).After(leaf.NotAfter):
		return unfit("the certificate ends on %s", day(leaf.NotAfter))
	case !slices.Equal(leaf.DNSNames, leafNames) || !slices.EqualFunc(leaf.IPAddresses, leafIPs, net.IP.Equal):
		return unfit("the certificate is for other names")
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// names lists what a certificate is for.
func names(cert *x509.Certificate) []string {
	list := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		list = append(list, ip.String())
	}
	return list
}

// fingerprint is the SHA-256 of a certificate, in hexadecimal digits.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}
