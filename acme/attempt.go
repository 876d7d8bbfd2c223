package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddyserver/certmagic"
	rfc8555 "github.com/mholt/acmez/v3/acme"
)

// result is what an attempt came to.
type result struct {
	leaf      *x509.Certificate // which is now served; nil: as before
	hash      string
	directory string
	source    Source

	renewal  rfc8555.RenewalInfo // when the authority wants it renewed
	askAgain time.Time           // when to ask it next

	err      error
	invalid  bool      // the authority refused the validation
	retryAt  time.Time // not before, as every authority wants it
	limited  map[string]time.Time
	unwanted bool // the policy no longer allows the name
}

// orderTimeout bounds one order, propagation of DNS records included.
const orderTimeout = 15 * time.Minute

// askAgainAfter is when an authority is asked again for the time of renewal when it does not say.
const askAgainAfter = 6 * time.Hour

// work gets the certificate of an entry from storage, or orders it. While it runs no other process does so for the same name.
func (m *Manager) work(eng *engine, a *attempt) (r result) {
	ctx, cancel := context.WithTimeout(m.ctx, orderTimeout)
	defer cancel()
	e := a.entry // its name never changes; nothing else but this attempt writes the rest while it runs
	lock := "lanner_" + e.name
	if err := eng.storage.Lock(ctx, lock); err != nil {
		return m.failed(fmt.Errorf("cannot lock %s in the storage folder %s: %w", e.name, m.opts.Folder, err))
	}
	defer eng.storage.Unlock(ctx, lock)
	stored, of, err := eng.stored(ctx, e.name)
	if err != nil {
		return m.failed(fmt.Errorf("cannot read the storage folder %s: %w", m.opts.Folder, err))
	}
	if a.revoke != nil {
		return m.revoke(ctx, a, of)
	}
	if stored != nil && stored.Equal(a.revoked) {
		if err := eng.forget(ctx, e.name, nil); err != nil {
			return m.failed(fmt.Errorf("cannot delete a revoked certificate from the storage folder %s: %w", m.opts.Folder, err))
		}
		stored = nil
	}
	if stored != nil && !a.order {
		if e.leaf == nil || !e.leaf.Equal(stored) { // another process has ordered it
			r = m.load(ctx, eng, e, SourceStorage)
			switch {
			case r.err != nil:
				m.log.Warn(eventFailed, slog.String("name", e.name), slog.Any("error", r.err)) // it is ordered anew
			case m.clock.Now().Before(m.renewAt(stored, r.renewal)):
				m.log.Info(eventLoaded, slog.String("name", e.name), slog.String("directory", r.directory), slog.Time("expires", stored.NotAfter))
				return r
			}
		} else {
			r.renewal, r.askAgain = e.renewal, e.askAgain
			if !m.clock.Now().Before(e.askAgain) {
				m.askRenewal(ctx, of, stored, &r)
			}
			if m.clock.Now().Before(m.renewAt(stored, r.renewal)) {
				return r
			}
		}
	}
	if e.onDemand && !a.allowed {
		if err := m.opts.OnDemand.Ask(ctx, e.name); err != nil && ctx.Err() == nil {
			eng.cache.Remove([]string{e.hash})
			return result{err: fmt.Errorf("acme: the policy does not allow a certificate for %s: %w", e.name, err), unwanted: true}
		}
	}
	ordered := m.order(ctx, eng, e)
	switch {
	case r.leaf == nil:
	case ordered.err != nil: // what was loaded is served meanwhile
		ordered.leaf, ordered.hash, ordered.directory, ordered.source, ordered.askAgain = r.leaf, r.hash, r.directory, r.source, r.askAgain
	case ordered.hash != r.hash:
		eng.cache.Remove([]string{r.hash})
	}
	return ordered
}

// failed is a result that no authority has to do with.
func (m *Manager) failed(err error) result {
	if m.ctx.Err() != nil {
		err = errStopped
	}
	return result{err: err}
}

// order asks the issuers in turn.
func (m *Manager) order(ctx context.Context, eng *engine, e *entry) (r result) {
	if err := m.enter(ctx); err != nil {
		return m.failed(err)
	}
	defer m.leave()
	var errs []error
	r.limited = make(map[string]time.Time)
	for _, is := range eng.issuers {
		began := m.clock.Now()
		if until := e.limited[is.directory]; until.After(began) {
			r.limited[is.directory] = until
			errs = append(errs, fmt.Errorf("the certificate authority %s is not asked before %s", is.directory, until.UTC().Format(time.RFC3339)))
			continue
		}
		err := is.order(ctx, e)
		if err == nil {
			if err := eng.forget(ctx, e.name, is); err != nil {
				m.log.Warn(eventNotForgotten, slog.String("name", e.name), slog.Any("error", err))
			}
			loaded := m.load(ctx, eng, e, SourceIssued)
			if loaded.err == nil {
				m.log.Info(eventIssued, slog.String("name", e.name), slog.String("directory", is.directory), slog.Time("expires", loaded.leaf.NotAfter),
					slog.Bool("renewal", e.leaf != nil))
				return loaded
			}
			errs = append(errs, loaded.err)
			continue
		}
		if m.ctx.Err() != nil {
			return result{err: errStopped}
		}
		told := explain(e.name, is.directory, err, is.patience.since(began))
		r.invalid = r.invalid || told.Kind == Invalid
		if !told.RetryAt.IsZero() {
			r.limited[is.directory] = told.RetryAt
		}
		errs = append(errs, told)
	}
	if r.err = errs[0]; len(errs) > 1 {
		r.err = failures(errs)
	}
	if len(r.limited) == len(eng.issuers) { // else one of them may be asked sooner
		for _, t := range r.limited {
			if r.retryAt.IsZero() || t.Before(r.retryAt) {
				r.retryAt = t
			}
		}
	}
	return r
}

// order gets a certificate into storage, in place of one that may be there.
func (is *issuer) order(ctx context.Context, e *entry) error {
	// With attempts that failed certmagic tries the test directory first, which tells whether a validation would go well now.
	attempts := e.invalid
	return is.config.RenewCertSync(context.WithValue(ctx, certmagic.AttemptsCtxKey, &attempts), e.name, true)
}

// load puts the newest certificate in storage in the place of the one that is served.
func (m *Manager) load(ctx context.Context, eng *engine, e *entry, source Source) result {
	cert, err := eng.all.CacheManagedCertificate(ctx, e.name)
	if err != nil {
		return result{err: fmt.Errorf("acme: the certificate of %s in the storage folder %s cannot be used: %w", e.name, m.opts.Folder, err)}
	}
	if e.hash != "" && e.hash != cert.Hash() {
		eng.cache.Remove([]string{e.hash})
	}
	r := result{leaf: cert.Leaf, hash: cert.Hash(), source: source, askAgain: m.clock.Now()}
	if _, of, err := eng.stored(ctx, e.name); err == nil && of != nil {
		r.directory = of.directory
	}
	return r
}

// askRenewal asks when to renew (RFC 9773).
func (m *Manager) askRenewal(ctx context.Context, is *issuer, leaf *x509.Certificate, r *result) {
	r.askAgain = m.clock.Now().Add(askAgainAfter)
	if m.enter(ctx) != nil {
		return
	}
	defer m.leave()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	info, err := is.acme.GetRenewalInfo(ctx, certmagic.Certificate{Certificate: tlsLeaf(leaf)})
	if err != nil {
		m.log.Debug(eventNoRenewalInfo, slog.String("directory", is.directory), slog.Any("error", err))
		return
	}
	r.renewal = info
	if info.RetryAfter != nil {
		r.askAgain = m.clock.Now().Add(min(max(time.Until(*info.RetryAfter), time.Minute), 24*time.Hour))
	}
}

// enter waits until fewer than maxOrders are under way.
func (m *Manager) enter(ctx context.Context) error {
	select {
	case m.orders <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errors.New("too many orders are under way")
	}
}

func (m *Manager) leave() { <-m.orders }
