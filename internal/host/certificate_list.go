package host

import (
	"cmp"
	"crypto/x509"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// Certificates implements control.Host. It reads the files, so that it can say what is wrong with them now.
func (h *Host) Certificates() []control.Certificate {
	var out []control.Certificate
	for _, s := range h.shownCertificates() {
		out = append(out, s.Certificate)
	}
	return out
}

// shownCertificates are all, sorted by address and file.
func (h *Host) shownCertificates() []shownCertificate {
	h.mu.Lock()
	fronts := values(h.fronts)
	h.mu.Unlock()
	var out []shownCertificate
	for _, f := range fronts {
		if s := f.shows(); s != nil {
			out = append(out, h.list(s, f.urls[0])...)
		}
	}
	slices.SortFunc(out, func(a, b shownCertificate) int {
		return cmp.Or(strings.Compare(a.Address, b.Address), strings.Compare(a.Path, b.Path), strings.Compare(a.Subject, b.Subject), strings.Compare(a.name, b.name))
	})
	return out
}

// list describes the certificates of one front, each once.
func (h *Host) list(s *security, address string) (out []shownCertificate) {
	seen := make(map[string]bool)
	for _, store := range s.stores {
		for _, c := range store.Certificates() {
			if key := c.Path + "\x00" + string(c.TLS.Leaf.Raw); !seen[key] {
				seen[key] = true
				out = append(out, shownCertificate{
					Certificate: describeCertificate(address, c), key: cmp.Or(c.KeyPath, c.Path), chain: c.TLS.Certificate, staple: store.Staple(c), at: store,
				})
			}
		}
	}
	for _, b := range s.shown {
		for i := range out {
			if b.development && out[i].Path == b.certificate.Path {
				out[i].Source = control.SourceDevelopment
			}
		}
		if b.certificate.ACME {
			out = append(out, h.automatic.Load().describe(address, b.host))
			continue
		}
		if err := h.unusable(b); err != nil {
			note(out, b, plainWords(err))
		}
	}
	return out
}

// note adds what is wrong with a binding's files to the certificates that came from them.
func note(list []shownCertificate, b shown, text string) {
	for i := range list {
		c := &list[i]
		inFolder := b.certificate.Directory != "" && strings.HasPrefix(c.Path, b.certificate.Directory)
		if (c.Path == b.certificate.Path || inFolder) && c.Error == "" {
			c.Error = text
		}
	}
}

// unusable says why the binding's files cannot be used as they are now. An automatic certificate has none.
func (h *Host) unusable(s shown) error {
	store, err := tlsconfig.Open(tlsconfig.Options{Names: h.namesAt(s.addr, []shown{s}), Interval: -1})
	if err == nil {
		store.Close()
	}
	return err
}

func plainWords(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func describeCertificate(address string, c *tlsconfig.Certificate) control.Certificate {
	leaf := c.TLS.Leaf
	return control.Certificate{
		Address: address, Names: namesOf(leaf), Subject: c.Subject(), Issuer: cmp.Or(leaf.Issuer.CommonName, leaf.Issuer.String()),
		NotAfter: leaf.NotAfter, DaysLeft: int(math.Floor(time.Until(leaf.NotAfter).Hours() / 24)), Path: c.Path, Source: control.SourceFile,
	}
}

func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}
