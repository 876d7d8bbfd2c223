package acme

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

var errNotStartable = map[state]error{
	stateStarted: errors.New("acme: the manager was started before"),
	stateStopped: errors.New("acme: a manager that was stopped cannot be started again: make another by New"),
}

// Source is where a certificate came from.
type Source string

const (
	// SourceIssued is an authority, since Start.
	SourceIssued Source = "issued"
	// SourceStorage is the storage folder: a Manager before this one ordered it, or one in another process.
	SourceStorage Source = "storage"
)

// Certificate is the state of a name.
type Certificate struct {
	// Name is what it is managed as; Names are those in the certificate. There are none while there is no certificate, nor are Issuer,
	// Directory, Source, NotBefore, NotAfter, Path and KeyPath.
	Name  string
	Names []string
	// OnDemand says that a client asked for it.
	OnDemand bool
	// Issuer is the name of the authority in the certificate, Directory its URL.
	Issuer, Directory   string
	Source              Source
	NotBefore, NotAfter time.Time
	// Path and KeyPath are its files in the storage folder. Empty before Start and after Stop.
	Path, KeyPath string
	// LastError says why the last attempt to get a certificate failed and when it is repeated. Empty if it did not fail.
	LastError string
	// NextAttempt is when a certificate is ordered next. Zero while that is under way, and for a name on demand without a certificate that
	// waits for a client.
	NextAttempt time.Time
}

// Certificates returns the state of every name, sorted. Before Start and after Stop it is what is known.
func (m *Manager) Certificates() []Certificate {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	list := make([]Certificate, 0, len(m.entries))
	eng := m.engine.Load()
	for _, e := range m.entries {
		if e.dropped {
			continue
		}
		c := Certificate{Name: e.name, OnDemand: e.onDemand, Directory: e.directory, Source: e.source}
		if e.leaf != nil {
			c.Names = slices.Clone(e.leaf.DNSNames)
			for _, ip := range e.leaf.IPAddresses {
				c.Names = append(c.Names, ip.String())
			}
			c.Issuer = cmp.Or(e.leaf.Issuer.CommonName, e.leaf.Issuer.String())
			c.NotBefore, c.NotAfter = e.leaf.NotBefore, e.leaf.NotAfter
			if eng != nil {
				c.Path, c.KeyPath = eng.files(e.name, e.directory)
			}
		}
		switch {
		case e.err != nil:
			c.LastError = e.err.Error() + "; retried in " + inWords(max(e.due.Sub(now), 0))
			c.NextAttempt = e.due
		case e.leaf != nil:
			c.NextAttempt = m.renewAt(e.leaf, e.renewal)
		}
		if e.running != nil || e.onDemand && e.leaf == nil {
			c.NextAttempt = time.Time{}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Certificate) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Renew orders a new certificate for a name now, whether it is due or not, and waits for it. It is served from then on; until then, and if the
// order fails, the old one is. When ctx ends the order goes on.
func (m *Manager) Renew(ctx context.Context, name string) error {
	return m.do(ctx, name, attempt{order: true})
}

// Reason is why a certificate is revoked (RFC 5280 §5.3.1).
type Reason int

const (
	Unspecified          Reason = 0
	KeyCompromise        Reason = 1
	AffiliationChanged   Reason = 3
	Superseded           Reason = 4
	CessationOfOperation Reason = 5
)

// Revoke has the authority revoke the certificate of a name that is in storage, and deletes it there. Another is ordered at once, with a new
// key, but not waited for; until it is there handshakes have the one that is revoked, of which clients seldom learn.
func (m *Manager) Revoke(ctx context.Context, name string, reason Reason) error {
	return m.do(ctx, name, attempt{revoke: &reason})
}

// do has an attempt made when the one that is under way has ended, and waits for it.
func (m *Manager) do(ctx context.Context, name string, what attempt) error {
	name, err := normalName(name)
	if err != nil {
		return fmt.Errorf("acme: %w", err)
	}
	for {
		m.mu.Lock()
		e := m.entries[name]
		if e != nil && e.dropped {
			e = nil
		}
		if m.state != stateStarted || e == nil {
			defer m.mu.Unlock()
			if e == nil {
				return fmt.Errorf("acme: %s is not managed: Certificates returns the names that are", name)
			}
			return errNotStarted
		}
		a := e.running
		mine := a == nil
		if mine {
			a = &what
			a.entry = e
			m.startLocked(a)
		}
		m.mu.Unlock()
		select {
		case <-a.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if mine {
			return a.err
		}
	}
}

// revoke is work for Revoke.
func (m *Manager) revoke(ctx context.Context, a *attempt, of *issuer) result {
	name, reason := a.entry.name, *a.revoke
	if of == nil {
		return result{err: fmt.Errorf("acme: there is no certificate of %s in the storage folder %s to revoke", name, m.opts.Folder)}
	}
	began := m.clock.Now()
	err := of.acme.PreCheck(ctx, []string{name}, false) // it chooses the account
	if err == nil {
		err = of.config.RevokeCert(ctx, name, int(reason), false)
	}
	if err != nil {
		told := explain(name, of.directory, err, of.patience.since(began))
		told.text = fmt.Sprintf("acme: cannot revoke the certificate of %s: %s", name, told.text)
		return result{err: told}
	}
	m.log.Info(eventRevoked, slog.String("name", name), slog.String("directory", of.directory), slog.Int("reason", int(reason)))
	return result{}
}
