package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/mholt/acmez/v3"
)

// protocolChallenge is the ALPN protocol of TLS-ALPN-01 (RFC 8737 §6.2).
const protocolChallenge = acmez.ACMETLS1Protocol

// certificate is tls.Config.GetCertificate.
func (m *Manager) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	eng := m.engine.Load()
	if eng == nil {
		return nil, errNotStarted
	}
	ctx := hello.Context()
	cert, err := eng.all.GetCertificateWithContext(ctx, hello)
	if err == nil || slices.Equal(hello.SupportedProtos, []string{protocolChallenge}) {
		return cert, err
	}
	name := hello.ServerName
	if name == "" {
		name = eng.all.DefaultServerName
	}
	if name, err = normalName(name); err != nil {
		return nil, fmt.Errorf("acme: the client asks for no name that could have a certificate: %w", err)
	}
	why := m.await(ctx, name)
	if cert, err = eng.all.GetCertificateWithContext(ctx, hello); err != nil && why != nil {
		return nil, why
	}
	return cert, err
}

// await waits for the certificate of a name that has none yet, and for one on demand begins to get it.
func (m *Manager) await(ctx context.Context, name string) error {
	m.mu.Lock()
	e := m.entryLocked(name)
	m.mu.Unlock()
	allowed := false
	if e == nil {
		if m.opts.OnDemand == nil {
			return fmt.Errorf("acme: there is no certificate for %s, which is not in Options.Names", name)
		}
		if err := m.opts.OnDemand.Ask(ctx, name); err != nil {
			m.log.Debug(eventRefused, slog.String("name", name), slog.Any("error", err))
			return fmt.Errorf("acme: the policy does not allow a certificate for %s: %w", name, err)
		}
		allowed = true
	}

	m.mu.Lock()
	if m.state != stateStarted {
		m.mu.Unlock()
		return errNotStarted
	}
	if e = m.entryLocked(name); e == nil {
		if !allowed { // it was dropped meanwhile
			m.mu.Unlock()
			return fmt.Errorf("acme: the policy no longer allows a certificate for %s", name)
		}
		if e = m.entries[name]; e == nil { // else it was dropped a moment ago
			e = &entry{name: name}
			m.entries[name] = e
		}
		e.onDemand, e.dropped = true, false
	}
	if e.running == nil {
		switch {
		case e.leaf == nil:
		case m.cachedLocked(e): // it has come just now
			m.mu.Unlock()
			return nil
		default:
			m.lostLocked(e)
		}
		if now := m.clock.Now(); e.due.After(now) {
			defer m.mu.Unlock()
			return fmt.Errorf("acme: there is no certificate for %s: %w; retried in %s", name, e.err, inWords(e.due.Sub(now)))
		}
		m.startLocked(&attempt{entry: e, allowed: allowed})
	}
	a := e.running
	m.mu.Unlock()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return fmt.Errorf("acme: the certificate for %s is still being ordered: %w", name, context.Cause(ctx))
	}
}

// entryLocked finds a name in the table, or the wildcard that stands for it.
func (m *Manager) entryLocked(name string) *entry {
	_, parent, _ := strings.Cut(name, ".")
	for _, name := range []string{name, "*." + parent} {
		if e := m.entries[name]; e != nil && !e.dropped {
			return e
		}
	}
	return nil
}

// tlsLeaf is a certificate of which only the leaf is known.
func tlsLeaf(leaf *x509.Certificate) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, Leaf: leaf}
}
