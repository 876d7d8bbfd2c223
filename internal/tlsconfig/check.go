package tlsconfig

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// checker refuses what clients would.
type checker struct {
	now time.Time
	// served reports whether a certificate is in use: it goes on when it expires.
	served func(*Certificate) bool
}

// certificate checks what was read, and completes it.
func (k *checker) certificate(c *Certificate) error {
	for _, check := range []func() error{
		func() error { return inOrder(c) },
		func() error { return strong(c.chain) },
		func() error { return k.valid(c) },
		func() error { return forServers(c.chain[0]) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	c.TLS.Leaf = c.chain[0]
	for _, cert := range c.chain {
		c.TLS.Certificate = append(c.TLS.Certificate, cert.Raw)
	}
	return nil
}

// inOrder demands the certificate of the key first, and behind each the one that issued it. It could be put right here, but then the file
// is wrong for every other program, and nobody knows.
func inOrder(c *Certificate) error {
	first := slices.IndexFunc(c.chain, func(cert *x509.Certificate) bool { return matches(cert, c.TLS.PrivateKey) })
	if first < 0 {
		return fmt.Errorf("the private key does not match the certificate %s: one of both files is of another pair", subjectOf(c.chain[0]))
	}
	for i, cert := range c.chain {
		if slices.ContainsFunc(c.chain[:i], cert.Equal) {
			return fmt.Errorf("the certificate %s is there twice: remove one", subjectOf(cert))
		}
	}
	broken := func(chain []*x509.Certificate) int { // the first that does not lead on
		for i := range len(chain) - 1 {
			if !issued(chain[i+1], chain[i]) {
				return i
			}
		}
		return -1
	}
	if first == 0 && broken(c.chain) < 0 {
		return nil
	}
	right := linked(c.chain, first)
	if at := broken(right); at >= 0 {
		return fmt.Errorf("the certificate %s does not lead on to %s: it was issued by %q; put the certificate of that one there, or remove what is behind",
			subjectOf(right[at]), subjectOf(right[at+1]), right[at].Issuer.String())
	}
	return fmt.Errorf("its certificates are in the wrong order: they are %s, and must be %s", subjects(c.chain), subjects(right))
}

// issued reports whether a certificate was issued by an authority. Signatures that x509 does not compute any more are strong's to refuse.
func issued(authority, cert *x509.Certificate) bool {
	err := cert.CheckSignatureFrom(authority)
	var insecure x509.InsecureAlgorithmError
	return slices.Equal(cert.RawIssuer, authority.RawSubject) && (err == nil || errors.As(err, &insecure))
}

func subjects(chain []*x509.Certificate) string {
	var out []string
	for _, c := range chain {
		out = append(out, subjectOf(c))
	}
	return strings.Join(out, ", then ")
}

// minRSA is the least size of an RSA key in bits that browsers and public authorities take (CA/Browser Forum, Baseline Requirements §6.1.5).
const minRSA = 2048

// strong refuses what is too weak, except for how an authority has signed itself: nobody looks at that.
func strong(chain []*x509.Certificate) error {
	for i, c := range chain {
		switch key := c.PublicKey.(type) {
		case *rsa.PublicKey:
			if n := key.N.BitLen(); n < minRSA {
				return fmt.Errorf("the RSA key of %s has %d bits: it must have at least %d; make a new key", subjectOf(c), n, minRSA)
			}
		case *ecdsa.PublicKey:
			if n := key.Curve.Params().BitSize; n < 256 {
				return fmt.Errorf("the key of %s is on a curve of %d bits: it must have at least 256; make a new key", subjectOf(c), n)
			}
		}
		if i > 0 && slices.Equal(c.RawIssuer, c.RawSubject) {
			continue
		}
		switch c.SignatureAlgorithm {
		case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA:
			return fmt.Errorf("the certificate %s is signed by %s, which clients refuse: have it issued anew with SHA-256", subjectOf(c), c.SignatureAlgorithm)
		}
	}
	return nil
}

func (k *checker) valid(c *Certificate) error {
	for i, cert := range c.chain {
		if i > 0 && slices.Equal(cert.RawIssuer, cert.RawSubject) {
			continue
		}
		switch {
		case k.now.Before(cert.NotBefore):
			return fmt.Errorf("the certificate %s is not valid before %s, and now it is %s: is the clock right?", subjectOf(cert), text(cert.NotBefore), text(k.now))
		case k.now.After(cert.NotAfter) && (k.served == nil || !k.served(c)):
			return fmt.Errorf("the certificate %s has expired at %s, and now it is %s: renew it", subjectOf(cert), text(cert.NotAfter), text(k.now))
		}
	}
	return nil
}

func text(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// forServers refuses what clients would: a certificate whose extended key usage is there and is not that of servers (RFC 5280
// §4.2.1.12), as Kestrel does.
func forServers(leaf *x509.Certificate) error {
	if len(leaf.ExtKeyUsage) == 0 && len(leaf.UnknownExtKeyUsage) == 0 ||
		slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	return fmt.Errorf("its extended key usage is not that of a server (serverAuth): %s is for other uses", subjectOf(leaf))
}

// covers refuses a certificate that is not for the name under which it would be shown.
func covers(c *Certificate, name string) error {
	host := strings.Replace(name, "*", "any", 1)
	if name == anyName || c.chain[0].VerifyHostname(host) == nil {
		return nil
	}
	names := slices.Clone(c.chain[0].DNSNames)
	for _, ip := range c.chain[0].IPAddresses {
		names = append(names, ip.String())
	}
	return fmt.Errorf("the certificate %s is not for %q, under which it would be shown: it is for %q; write the name that it is for, or take another certificate", c.Path, name, names)
}
