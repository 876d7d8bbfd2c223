package acme

import (
	"crypto/x509"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/caddyserver/certmagic"
	rfc8555 "github.com/mholt/acmez/v3/acme"
)

// entry is a name, and what is known of its certificate. The Manager's mutex guards it.
//
//	idle ──due, asked for──▶ running ──▶ idle, with a certificate: due when it is to be renewed, or its authority asked when that is
//	                            └──────▶ idle, with an error: due after backoff, or when the authority allows it
//
// One on demand that has no certificate is not due by itself, but when a client asks for it.
type entry struct {
	name     string
	onDemand bool
	dropped  bool // no longer wanted, but an attempt is running

	leaf      *x509.Certificate // nil: there is none to serve
	hash      string            // certmagic's of the chain
	directory string
	source    Source
	renewal   rfc8555.RenewalInfo // what the authority says
	askAgain  time.Time           // when to ask it that next

	running *attempt             // nil: idle
	due     time.Time            // zero: at once
	failed  int                  // attempts in a row
	invalid int                  // of which the authority refused the validation
	limited map[string]time.Time // directory: not before
	revoked *x509.Certificate    // not to be served any more, though it may be in storage
	err     error
}

// attempt is a goroutine's work on an entry.
type attempt struct {
	entry   *entry
	order   bool // even if the certificate is not due
	allowed bool // the policy has been asked just now
	revoke  *Reason
	revoked *x509.Certificate // the entry's
	done    chan struct{}
	err     error // valid after done
}

// backoff is the time to the next attempt after so many failures. Let's Encrypt allows five refused validations of a name in an hour.
func backoff(failed int) time.Duration {
	steps := [...]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}
	if failed > len(steps) {
		return 6 * time.Hour
	}
	return steps[max(failed, 1)-1]
}

// forgotten is how long a name on demand is remembered for its failure.
const forgotten = 24 * time.Hour

// longestSleep is between two looks at the table: the clock may be set, or the machine sleep.
const longestSleep = time.Hour

// loop starts attempts when they are due.
func (m *Manager) loop() {
	defer m.wg.Done()
	for {
		var timer <-chan time.Time
		if wait := m.begin(); wait > 0 {
			timer = m.clock.After(wait)
		}
		select {
		case <-m.ctx.Done():
			return
		case <-m.wake:
		case <-timer:
			m.sweep()
		}
	}
}

// begin starts what is due, and returns the time until something else is.
func (m *Manager) begin() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	next := now.Add(longestSleep)
	maps.DeleteFunc(m.entries, func(_ string, e *entry) bool {
		return e.onDemand && e.leaf == nil && e.running == nil && e.due.Add(forgotten).Before(now)
	})
	for _, e := range m.entries {
		switch {
		case e.running != nil, e.onDemand && e.leaf == nil:
		case !e.due.After(now):
			m.startLocked(&attempt{entry: e})
		case e.due.Before(next):
			next = e.due
		}
	}
	return next.Sub(now)
}

// sweep finds the certificates that certmagic has taken out of its cache: those of which OCSP says that they were revoked.
func (m *Manager) sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if e.leaf != nil && e.running == nil && !m.cachedLocked(e) {
			m.lostLocked(e)
		}
	}
}

// cachedLocked reports whether the certificate of an entry is in certmagic's cache.
func (m *Manager) cachedLocked(e *entry) bool {
	eng := m.engine.Load()
	return eng == nil || slices.ContainsFunc(eng.cache.AllMatchingCertificates(e.name), func(c certmagic.Certificate) bool { return c.Hash() == e.hash })
}

// lostLocked has another certificate ordered for an entry whose own is not to be served any more.
func (m *Manager) lostLocked(e *entry) {
	m.log.Warn(eventFoundRevoked, slog.String("name", e.name))
	e.revoked, e.leaf, e.hash, e.due = e.leaf, nil, "", m.clock.Now()
}

// startLocked begins an attempt at an idle entry.
func (m *Manager) startLocked(a *attempt) {
	a.done, a.revoked = make(chan struct{}), a.entry.revoked
	a.entry.running = a
	m.wg.Add(1)
	go m.run(a)
}

func (m *Manager) run(a *attempt) {
	defer m.wg.Done()
	eng := m.engine.Load()
	if eng == nil {
		m.finish(a, result{err: errStopped})
		return
	}
	m.finish(a, m.work(eng, a))
}

// finish puts down what came of an attempt.
func (m *Manager) finish(a *attempt, r result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, now := a.entry, m.clock.Now()
	a.err = r.err
	if r.leaf != nil {
		e.revoked = nil
		e.leaf, e.hash, e.directory, e.source = r.leaf, r.hash, r.directory, r.source
	}
	if !r.askAgain.IsZero() {
		e.renewal, e.askAgain = r.renewal, r.askAgain
	}
	for directory, t := range r.limited {
		if e.limited == nil {
			e.limited = make(map[string]time.Time)
		}
		e.limited[directory] = t
	}
	switch {
	case m.ctx.Err() != nil:
	case r.unwanted:
		m.log.Info(eventDropped, slog.String("name", e.name), slog.Any("error", r.err))
		delete(m.entries, e.name)
	case a.revoke != nil:
		if r.err == nil {
			e.due = now // another is ordered
		}
	case r.err != nil:
		e.failed++
		if r.invalid {
			e.invalid++
		}
		e.err = r.err
		e.due = now.Add(backoff(e.failed))
		if r.retryAt.After(e.due) {
			e.due = r.retryAt
		}
		level := slog.LevelWarn
		if e.leaf == nil && !e.onDemand || e.leaf != nil && now.After(e.leaf.NotAfter) {
			level = slog.LevelError
		}
		m.log.Log(m.ctx, level, eventFailed, slog.String("name", e.name), slog.Any("error", r.err), slog.Int("attempt", e.failed),
			slog.String("retry", inWords(e.due.Sub(now))))
	default:
		e.failed, e.invalid, e.err = 0, 0, nil
		clear(e.limited)
		e.due = m.nextLook(e, now)
	}
	e.running = nil
	if e.dropped {
		m.forgetLocked(e)
	}
	close(a.done)
	close(m.changed)
	m.changed = make(chan struct{})
	m.poke()
}

// poke has loop look at the table.
func (m *Manager) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// nextLook is when an entry with a certificate is due: for a new one, or to ask when that is.
func (m *Manager) nextLook(e *entry, now time.Time) time.Time {
	next := m.renewAt(e.leaf, e.renewal)
	if e.askAgain.Before(next) {
		next = e.askAgain
	}
	if soonest := now.Add(soonestLook); next.Before(soonest) {
		return soonest // also for a new one that is due at once, because a clock is wrong
	}
	return next
}

const soonestLook = 10 * time.Second

// renewAt is when a certificate is to be replaced.
func (m *Manager) renewAt(leaf *x509.Certificate, renewal rfc8555.RenewalInfo) time.Time {
	lifetime := leaf.NotAfter.Sub(leaf.NotBefore)
	at := leaf.NotAfter.Add(-time.Duration(float64(lifetime) * m.opts.RenewalWindow))
	if s := renewal.SelectedTime; !s.IsZero() && s.Before(at) {
		at = s
	}
	return at
}
