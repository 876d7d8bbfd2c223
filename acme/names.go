package acme

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/certmagic"
)

// SetNames replaces Options.Names; it may be called from New to Stop. For a name that is new, the certificate in storage is served, or one
// is ordered. For one that is gone, none is served, renewed or ordered any more; what is in storage stays there, for when the name comes
// back. Others are not touched, and an order that is under way goes on. A client that sends no name still gets the certificate of the first
// name that New was given. With an error, which has all that is wrong with names, nothing has changed.
func (m *Manager) SetNames(names []string) error {
	wanted := make(map[string]bool)
	var errs []error
	for _, given := range names {
		name, err := normalName(given)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("acme: %w", err))
		case strings.HasPrefix(name, "*.") && m.opts.DNS == nil:
			errs = append(errs, fmt.Errorf("acme: the wildcard %s can be validated by DNS only: set Options.DNS", name))
		}
		wanted[name] = true
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, e := range m.entries {
		switch {
		case wanted[name]:
			e.onDemand, e.dropped = false, false
		case e.onDemand:
		case e.running != nil:
			e.dropped = true // finish forgets it
		default:
			m.forgetLocked(e)
		}
	}
	for name := range wanted {
		if m.entries[name] == nil {
			m.entries[name] = &entry{name: name}
		}
	}
	m.poke()
	return nil
}

// forgetLocked takes an idle entry out of the table, and its certificate out of what is served.
func (m *Manager) forgetLocked(e *entry) {
	delete(m.entries, e.name)
	if eng := m.engine.Load(); eng != nil && e.hash != "" {
		eng.cache.Remove([]string{e.hash})
	}
}

// Served returns the certificate that handshakes for a name get, with its OCSP response; nil while there is none. It must not be changed.
func (m *Manager) Served(name string) *tls.Certificate {
	eng := m.engine.Load()
	m.mu.Lock()
	e := m.entries[name]
	hash := ""
	if e != nil && !e.dropped {
		hash = e.hash
	}
	m.mu.Unlock()
	if eng == nil || hash == "" {
		return nil
	}
	for _, c := range eng.cache.AllMatchingCertificates(name) {
		if c.Hash() == hash {
			return &c.Certificate
		}
	}
	return nil
}

// files are where the certificate and the key of a name by one authority are in the storage folder.
func (e *engine) files(name, directory string) (cert, key string) {
	for _, is := range e.issuers {
		if is.directory == directory {
			of := is.acme.IssuerKey()
			return e.storage.Filename(certmagic.StorageKeys.SiteCert(of, name)), e.storage.Filename(certmagic.StorageKeys.SitePrivateKey(of, name))
		}
	}
	return "", ""
}
