package tlsconfig

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Store shows certificates and keeps them up to date. Its methods are safe to call from any goroutine.
type Store struct {
	opts    Options
	tickets *TicketKeys
	owns    bool // tickets are nobody else's
	config  *tls.Config
	current atomic.Pointer[Set] // what handshakes use

	mu      sync.Mutex
	watched watch
	warned  map[string]time.Duration // by certificate: the last warning that it expires
	staples map[string]*staple       // by certificate

	cancel  context.CancelFunc // nil before Start
	running sync.WaitGroup
	changed chan struct{} // holds one: the certificates are others
}

// Open reads everything that opts names. The error has all that is wrong. Close the Store, also when it was not started.
func Open(opts Options) (*Store, error) {
	set, err := build(&opts, checker{now: time.Now()})
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, tickets: opts.Tickets, warned: make(map[string]time.Duration), staples: make(map[string]*staple), changed: make(chan struct{}, 1)}
	if s.tickets == nil {
		s.owns = true
		if s.tickets, err = OpenTicketKeys(TicketOptions{}); err != nil {
			return nil, err
		}
	}
	s.config = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: s.choose}
	s.useLocked(set)
	return s, nil
}

// Config returns the configuration for handshakes, which follows the Store. It must not be changed.
func (s *Store) Config() *tls.Config { return s.config }

// nothing has no certificate, so that the client is told "unrecognized_name" (RFC 6066 §3).
var nothing = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}

// choose is GetConfigForClient. It allocates nothing.
func (s *Store) choose(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if base := s.opts.Base; base != nil && base.GetConfigForClient != nil {
		if cfg, err := base.GetConfigForClient(hello); cfg != nil || err != nil {
			return cfg, err
		}
	}
	p := s.current.Load().choices.find(hello.ServerName)
	if p == nil {
		if s.opts.Events.UnknownName != nil {
			s.opts.Events.UnknownName(hello.ServerName)
		}
		return nothing, nil
	}
	if p.must != nil && !slices.ContainsFunc(p.must, func(name string) bool { return slices.Contains(hello.SupportedProtos, name) }) {
		return nil, fmt.Errorf("the client offers %q by ALPN, and %q is served by %q alone", hello.SupportedProtos, hello.ServerName, p.must)
	}
	return p.config, nil
}

// Prepare reads everything anew, for Use. On an error, which has all that is wrong, nothing has changed. A certificate that is in use may have
// expired: it was not renewed, but the others may have been.
func (s *Store) Prepare() (*Set, error) {
	return build(&s.opts, checker{now: time.Now(), served: s.current.Load().serves})
}

// Use makes handshakes that begin from now on use a set that Prepare has read. It reports whether it is another than before.
func (s *Store) Use(set *Set) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.useLocked(set)
}

func (s *Store) useLocked(set *Set) (changed bool) {
	s.watched = watch{seen: set.seen, last: set.seen}
	was := s.current.Load()
	if was != nil && was.same(set) {
		return false
	}
	for _, c := range set.certs {
		if have := s.staples[c.fingerprint()]; have != nil {
			have.put(c)
		}
	}
	s.tickets.add(set.tickets)
	s.current.Store(set)
	if was != nil {
		s.tickets.remove(was.tickets)
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return true
}

// Certificates are those in use.
func (s *Store) Certificates() []*Certificate { return s.current.Load().Certificates() }

// Reload is Prepare and Use.
func (s *Store) Reload() error {
	set, err := s.Prepare()
	if err != nil {
		return err
	}
	if s.Use(set) && s.opts.Events.Reloaded != nil {
		s.opts.Events.Reloaded(set.Certificates())
	}
	return nil
}

// Start begins to watch the files, the expiry of certificates, and OCSP responders, until Close. It is called once.
func (s *Store) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.running.Go(func() { s.watch(ctx) })
	if s.opts.HTTP != nil {
		s.running.Go(func() { s.staple(ctx) })
	}
	if s.owns {
		s.tickets.Start()
	}
}

// Close ends what Start has begun, and waits for it. Config still works, but nothing is kept up to date.
func (s *Store) Close() {
	if s.cancel != nil {
		s.cancel()
		s.running.Wait()
	}
	if s.owns {
		s.tickets.Close()
		return
	}
	s.tickets.remove(s.current.Load().tickets)
}
