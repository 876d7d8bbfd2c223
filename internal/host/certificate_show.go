package host

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/lannerhq/lanner/acme"
	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// shownCertificate is a certificate at one front.
type shownCertificate struct {
	control.Certificate
	key     string            // the file of its key
	chain   [][]byte          // nil while there is none
	staple  []byte            // the OCSP response, or nil
	at      *tlsconfig.Store  // of files
	managed *acme.Certificate // of an authority
	name    string            // under which that manages it
}

// Certificate implements control.Host.
func (h *Host) Certificate(name string) ([]control.CertificateDetail, error) {
	found, err := h.findCertificates(name)
	if err != nil {
		return nil, err
	}
	var out []control.CertificateDetail
	for _, s := range found {
		out = append(out, s.detail())
	}
	return out, nil
}

// findCertificates returns what is shown for a name, or the error that names the nearest.
func (h *Host) findCertificates(name string) ([]shownCertificate, error) {
	var found []shownCertificate
	var known []string
	for _, s := range h.shownCertificates() {
		if s.isFor(name) {
			found = append(found, s)
		}
		known = append(known, s.Names...)
	}
	if len(found) > 0 {
		return found, nil
	}
	err := &control.Error{Status: 404, Message: fmt.Sprintf("no certificate is shown for %q", name)}
	slices.Sort(known)
	if err.Hint = control.DidYouMean(name, slices.Compact(known)); len(known) == 0 {
		err.Hint = "the host has no binding for https"
	}
	return nil, err
}

// isFor reports whether a certificate is meant by a name: one that it is made for, or its file.
func (s *shownCertificate) isFor(name string) bool {
	if slices.Contains(s.Names, name) || s.Path != "" && s.Path == name || s.name == name {
		return true
	}
	if len(s.chain) == 0 {
		return false
	}
	leaf, err := x509.ParseCertificate(s.chain[0])
	return err == nil && leaf.VerifyHostname(name) == nil
}

func (s *shownCertificate) detail() control.CertificateDetail {
	out := control.CertificateDetail{Certificate: s.Certificate, KeyPath: s.key, OCSP: control.OCSP{Status: "there is no certificate"}}
	if s.managed != nil {
		out.NextAttempt = s.managed.NextAttempt
	}
	var chain []*x509.Certificate
	for _, raw := range s.chain {
		c, err := x509.ParseCertificate(raw)
		if err != nil { // it was parsed before
			continue
		}
		chain = append(chain, c)
		sum := sha256.Sum256(raw)
		link := control.ChainCertificate{
			Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: c.SerialNumber.Text(16), SHA256: hex.EncodeToString(sum[:]),
			NotBefore: c.NotBefore, NotAfter: c.NotAfter, Key: keyType(c), Signature: c.SignatureAlgorithm.String(),
		}
		if !c.IsCA {
			link.Names = namesOf(c)
		}
		out.Chain = append(out.Chain, link)
	}
	if len(chain) == 0 {
		return out
	}
	out.Key = out.Chain[0].Key
	switch from, to, err := tlsconfig.StapleTimes(s.staple, chain); {
	case len(s.staple) > 0 && err == nil:
		out.OCSP = control.OCSP{Status: "good", ThisUpdate: from, NextUpdate: to}
	case len(s.staple) > 0:
		out.OCSP.Status = plainWords(err)
	case len(chain[0].OCSPServer) == 0:
		out.OCSP.Status = "the authority has no responder"
	case len(chain) < 2:
		out.OCSP.Status = plainWords(err)
	default:
		out.OCSP.Status = "there is no response yet"
	}
	return out
}

// keyType is the type of a certificate's key, and its size.
func keyType(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}
