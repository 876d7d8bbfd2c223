package selfsigned

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Authority issues certificates. What it makes is valid from 1999 to 2099, unless a Spec says otherwise.
type Authority struct {
	Cert *x509.Certificate
	Key  crypto.Signer
	// Above are the authorities that lead from this one to the root, without the root.
	Above []*x509.Certificate
}

// Spec is what a certificate is to be. What is zero has a default: a key of P-256, usage by servers and clients.
type Spec struct {
	Names    []string // host names and IP addresses
	Key      crypto.Signer
	Template x509.Certificate
}

// NewAuthority returns a root that nobody trusts but who is given its Cert.
func NewAuthority(name string) (*Authority, error) { return newAuthority(name, nil) }

// Intermediate returns an authority below a.
func (a *Authority) Intermediate(name string) (*Authority, error) { return newAuthority(name, a) }

func newAuthority(name string, parent *Authority) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	a := &Authority{Key: key}
	if parent == nil {
		parent = &Authority{Cert: template, Key: key}
	} else {
		a.Above = append([]*x509.Certificate{}, parent.chain()...)
	}
	a.Cert, err = parent.sign(template, key.Public())
	return a, err
}

// chain is the authority and those above, without the root.
func (a *Authority) chain() []*x509.Certificate {
	if a.Cert.CheckSignatureFrom(a.Cert) == nil {
		return nil
	}
	return append([]*x509.Certificate{a.Cert}, a.Above...)
}

func (a *Authority) sign(template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, public, a.Key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Issue returns a certificate with the authorities that lead to the root, without it.
func (a *Authority) Issue(spec Spec) (tls.Certificate, error) {
	template := spec.Template
	for _, name := range spec.Names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	if len(spec.Names) > 0 {
		template.Subject = pkix.Name{CommonName: spec.Names[0]}
	}
	if template.ExtKeyUsage == nil {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	key := spec.Key
	if key == nil {
		made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return tls.Certificate{}, err
		}
		key = made
	}
	leaf, err := a.sign(&template, key.Public())
	if err != nil {
		return tls.Certificate{}, err
	}
	out := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, c := range a.chain() {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out, nil
}

// Pool has the authority's own certificate alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

// PEM is a certificate with its chain, and its key in PKCS#8.
func PEM(cert tls.Certificate) (chain, key []byte, err error) {
	for _, der := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}
