package host

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/lannerhq/lanner/acme"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

// automatic is where the certificates of bindings with acme: true come from. It is immutable; the Manager does the work.
type automatic struct {
	settings config.ACME
	manager  *acme.Manager
	tls      *tls.Config // the Manager's: it shows certificates, and answers TLS-ALPN-01
}

// preparedAutomatic is what a reload has made of the configuration, for use or to be dropped.
type preparedAutomatic struct {
	automatic *automatic // nil: no binding wants any
	names     []string
}

// prepareAutomatic checks what is wanted. Nothing is ordered yet.
func (h *Host) prepareAutomatic(cfg *config.Config) (*preparedAutomatic, *config.Problem) {
	p := &preparedAutomatic{}
	for _, site := range sortedKeys(cfg.Sites) {
		for _, b := range cfg.Sites[site].Bindings {
			if b.Certificate != nil && b.Certificate.ACME && !slices.Contains(p.names, b.Host) {
				p.names = append(p.names, b.Host)
			}
		}
	}
	if len(p.names) == 0 {
		return p, nil
	}
	roots, err := readRoots(cfg.ACME.Roots)
	if err != nil {
		return nil, &config.Problem{Path: "acme.roots", Message: err.Error(), Hint: "name a PEM file with the certificate of the authority"}
	}
	opts := acmeOptions(cfg.ACME, p.names)
	opts.Issuers[0].Roots, opts.Logger = roots, h.log
	m, err := acme.New(opts) // also where the one at work stays: it says what is wrong with the names
	if err != nil {
		text := strings.ReplaceAll(strings.ReplaceAll(plainWords(err), "acme: Options.", ""), "acme: ", "")
		return nil, &config.Problem{Path: "acme", Message: "automatic certificates cannot be had: " + text, Hint: "correct the keys of acme, or the hosts of the bindings"}
	}
	if old := h.automatic.Load(); old != nil && reflect.DeepEqual(old.settings, cfg.ACME) {
		p.automatic = old
	} else {
		p.automatic = &automatic{settings: cfg.ACME, manager: m, tls: m.TLSConfig()}
	}
	return p, nil
}

func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the authorities of the directory: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("there is no certificate in %s", path)
	}
	return pool, nil
}

func acmeOptions(c config.ACME, names []string) acme.Options {
	opts := acme.Options{
		Names: names, Email: c.Email, AgreeToTerms: c.AgreeToTerms, Folder: c.Folder, HTTPPort: c.HTTPPort, TLSPort: c.TLSPort,
		Issuers: []acme.Issuer{{Directory: c.Directory, Profile: c.Profile}},
	}
	for _, challenge := range c.Challenges {
		opts.Challenges = append(opts.Challenges, acme.Challenge(challenge))
	}
	if eab := c.ExternalAccount; eab != nil {
		opts.Issuers[0].ExternalAccount = &acme.ExternalAccount{KeyID: eab.KeyID, MACKey: eab.MACKey}
	}
	return opts
}

// useAutomatic has the Manager work for the names that are wanted now. Where the settings have changed another takes over from the same
// folder or another one. Handshakes meanwhile wait for certificates that are being loaded.
func (h *Host) useAutomatic(p *preparedAutomatic) {
	old := h.automatic.Swap(p.automatic)
	switch {
	case p.automatic == nil:
	case old == p.automatic:
		if err := old.manager.SetNames(p.names); err != nil { // New has accepted them
			h.event(slog.LevelError, eventACMEFailed, slog.Any("error", err))
		}
		return
	default:
		if err := p.automatic.manager.Start(h.ctx); err != nil {
			h.event(slog.LevelError, eventACMEFailed, slog.Any("error", err))
		}
	}
	if old != nil {
		h.wg.Go(func() {
			if err := old.manager.Stop(h.aborting); err != nil {
				h.event(slog.LevelWarn, eventACMEFailed, slog.Any("error", err))
			}
		})
	}
}

// stopAutomatic ends orders, when nothing is served any more.
func (h *Host) stopAutomatic() error {
	a := h.automatic.Swap(nil)
	if a == nil {
		return nil
	}
	if err := a.manager.Stop(h.aborting); err != nil {
		return fmt.Errorf("an order for a certificate did not end in time: %w", err)
	}
	return nil
}

func (a *automatic) validatesBy(challenge config.Challenge) bool {
	return a != nil && slices.Contains(a.settings.Challenges, challenge)
}

// automaticCertificate is the GetCertificate of names with acme: true. While an order is under way the handshake waits, as long as handshakes
// may take; else, while there is no certificate, it fails: with a temporary one clients would have to be told to trust anything.
func (h *Host) automaticCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a := h.automatic.Load()
	if a == nil {
		return nil, errors.New("there is no automatic certificate any more: the configuration has changed")
	}
	return a.tls.GetCertificate(hello)
}

// validation returns the configuration for a handshake of TLS-ALPN-01 (RFC 8737 §3), whatever name it is for; nil for any other. The
// authority offers that one protocol alone, and clients never do.
func (h *Host) validation(hello *tls.ClientHelloInfo) *tls.Config {
	if len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != "acme-tls/1" {
		return nil
	}
	if a := h.automatic.Load(); a.validatesBy(config.TLSALPN01) {
		return a.tls
	}
	return nil
}

// validationAnswer answers a request of HTTP-01 (RFC 8555 §8.3), of a challenge that is open; nil for any other.
func (h *Host) validationAnswer(method, host, path string) *answer {
	a := h.automatic.Load()
	if method != "GET" || !a.validatesBy(config.HTTP01) {
		return nil
	}
	content, ok := a.manager.ChallengeResponse(host, path)
	if !ok {
		return nil
	}
	return &answer{status: 200, page: content, contentType: "application/octet-stream"}
}

// validated reports whether requests of HTTP-01 may come to a front without TLS. Its connections are read by the host, so that workers which
// know nothing of challenges do not get them.
func (f *front) validated() bool {
	a := f.host.automatic.Load()
	if !a.validatesBy(config.HTTP01) {
		return false
	}
	return slices.ContainsFunc(f.sockets, func(s *socket) bool {
		addr, ok := s.listener.Addr().(*net.TCPAddr)
		return ok && addr.Port == a.settings.HTTPPort
	})
}

// describe is the state of a name for lanner certs. Until there is a certificate, the error says why.
func (a *automatic) describe(address, name string) shownCertificate {
	out := shownCertificate{name: name, Certificate: control.Certificate{
		Address: address, Names: []string{name}, Source: control.SourceACME, Error: "there is no certificate yet: it is being ordered",
	}}
	if a == nil {
		return out
	}
	list := a.manager.Certificates()
	i := slices.IndexFunc(list, func(c acme.Certificate) bool { return c.Name == name })
	if i < 0 {
		return out
	}
	c := list[i]
	out.managed = &c
	if !c.NotAfter.IsZero() {
		out.Names, out.Subject, out.Issuer, out.Path, out.key, out.Error = c.Names, name, c.Issuer, c.Path, c.KeyPath, ""
		out.NotAfter, out.DaysLeft = c.NotAfter, int(math.Floor(time.Until(c.NotAfter).Hours()/24))
	}
	if c.LastError != "" {
		out.Error = strings.TrimPrefix(strings.ReplaceAll(c.LastError, "\n", "; "), "acme: ")
	}
	if served := a.manager.Served(name); served != nil {
		out.chain, out.staple = served.Certificate, served.OCSPStaple
	}
	return out
}
