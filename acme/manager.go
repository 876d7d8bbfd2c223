package acme

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Manager has certificates ordered, serves and renews them. Its methods may be called by many goroutines at once.
type Manager struct {
	opts   Options
	log    *slog.Logger
	clock  Clock
	engine atomic.Pointer[engine] // nil before Start and after Stop

	ctx    context.Context // ends with Stop
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	orders chan struct{} // has a token for each order that is under way
	wake   chan struct{} // tells loop that something has changed

	mu      sync.Mutex
	state   state
	entries map[string]*entry
	changed chan struct{} // closed when an attempt ends, and then another
}

type state uint8

const (
	stateNew state = iota
	stateStarted
	stateStopped
)

// maxOrders are under way at once.
const maxOrders = 8

// New checks the options, and makes the storage folder. It does not ask any authority.
func New(opts Options) (*Manager, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	if err := makePrivate(opts.Folder); err != nil {
		return nil, err
	}
	m := &Manager{
		opts:    opts,
		log:     opts.Logger,
		clock:   opts.Clock,
		orders:  make(chan struct{}, maxOrders),
		wake:    make(chan struct{}, 1),
		entries: make(map[string]*entry),
		changed: make(chan struct{}),
	}
	m.ctx, m.cancel = context.WithCancelCause(context.Background())
	for _, name := range opts.Names {
		m.entries[name] = &entry{name: name}
	}
	return m, nil
}

// Start loads what is in storage and orders what is missing or due, in the background: it does not wait for an authority. Handshakes for
// a name of which the certificate is on its way wait for it. ctx does not bound what was started; Stop does.
func (m *Manager) Start(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != stateNew {
		return errNotStartable[m.state]
	}
	m.state = stateStarted
	m.engine.Store(newEngine(&m.opts, m.foundRevoked))
	m.wg.Add(1)
	go m.loop()
	return nil
}

// Stop ends what is under way and waits for it. Orders that are cut short are taken up by the next Start of a Manager on the same storage.
// The certificates are served no longer: stop the server first. When ctx ends before, its error is returned.
func (m *Manager) Stop(ctx context.Context) error {
	m.mu.Lock()
	m.state = stateStopped
	m.cancel(errStopped)
	e := m.engine.Swap(nil)
	m.mu.Unlock()
	done := make(chan struct{})
	go m.end(e, done)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end closes done when all goroutines have ended.
func (m *Manager) end(e *engine, done chan<- struct{}) {
	defer close(done)
	m.wg.Wait()
	if e != nil {
		e.cache.Stop()
	}
}

// Wait returns when every one of Options.Names has a certificate, or ctx or the Manager ends.
func (m *Manager) Wait(ctx context.Context) error {
	for {
		m.mu.Lock()
		missing := false
		for _, e := range m.entries {
			missing = missing || !e.onDemand && !e.dropped && e.leaf == nil
		}
		changed := m.changed
		m.mu.Unlock()
		if !missing {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-m.ctx.Done():
			return errStopped
		}
	}
}

// TLSConfig is for an endpoint on port 443: it has the certificates, and answers TLS-ALPN-01. It may be changed before it is used, but for
// GetCertificate, and the protocol acme-tls/1 in NextProtos. It works from Start to Stop.
func (m *Manager) TLSConfig() *tls.Config {
	return &tls.Config{
		GetCertificate: m.certificate,
		NextProtos:     []string{"h2", "http/1.1", protocolChallenge},
		MinVersion:     tls.VersionTLS12,
	}
}

// HTTPChallenge answers HTTP-01 on port 80, and passes everything else on. It takes a request for a challenge for its own only if a
// process on the same storage has that challenge open, so it may stand in front of any handler.
func (m *Manager) HTTPChallenge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e := m.engine.Load(); e != nil {
			for _, is := range e.issuers {
				if is.acme.HandleHTTPChallenge(w, r) {
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// foundRevoked has replacements ordered for certificates that OCSP says were revoked, and waits until they are there. Those which cannot be
// had certmagic then takes out of its cache.
func (m *Manager) foundRevoked(names []string) {
	for _, name := range names {
		m.mu.Lock()
		e := m.entries[name]
		if e != nil && e.leaf != nil {
			m.log.Warn(eventFoundRevoked, slog.String("name", name))
			e.revoked = e.leaf
		}
		m.mu.Unlock()
		if e == nil {
			continue // another name in the certificate
		}
		ctx, cancel := context.WithTimeout(m.ctx, 2*time.Minute)
		err := m.Renew(ctx, name) // its failure is logged, and retried
		cancel()
		m.mu.Lock()
		if err != nil && e.running == nil && e.revoked != nil {
			e.leaf, e.hash = nil, ""
		}
		m.mu.Unlock()
	}
}
