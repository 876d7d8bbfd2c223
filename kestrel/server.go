package kestrel

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/internal/tlsconfig"
	"github.com/lannerhq/lanner/server"
)

// defaultURL is where a server listens that was told nothing.
const defaultURL = "http://localhost:5000"

// Server implements server.Server. Its methods are safe to call from any goroutine.
type Server struct {
	opts      Options
	features  *server.Features
	addresses server.Addresses
	log       *slog.Logger

	mu      sync.Mutex
	state   state
	app     server.Application
	manager *httpconn.Manager
	open    []*opened
	tickets *tlsconfig.TicketKeys // nil until an endpoint has TLS
	hosting hosting               // what the addresses were when it started
}

// state is the life of a Server: new, started, stopped; never back.
type state uint8

const (
	stateNew state = iota
	stateStarted
	stateStopped
)

// New returns a server that listens nowhere yet.
func New(opts Options) *Server {
	s := &Server{opts: opts, features: server.NewFeatures(nil), log: opts.Logger}
	if s.log == nil {
		s.log = slog.Default()
	}
	server.Set[server.ServerAddressesFeature](s.features, &s.addresses)
	return s
}

// Features implements server.Server.
func (s *Server) Features() *server.Features { return s.features }

// Addresses returns the URLs that are bound, after Start.
func (s *Server) Addresses() []string { return s.addresses.Addresses() }

// Start implements server.Server. When one endpoint cannot be opened, none is.
func (s *Server) Start(ctx context.Context, app server.Application) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case stateStarted:
		return server.ErrStarted
	case stateStopped:
		return server.ErrStopped
	}
	if err := s.opts.Validate(); err != nil {
		return err
	}
	s.hosting = hosting{s.addresses.Addresses(), s.addresses.PreferHostingURLs()}
	open, err := s.openAllLocked(ctx, s.endpoints(s.opts.Endpoints))
	if err != nil {
		s.closeTicketKeysLocked()
		return err
	}
	s.opts.Logger, s.app = s.log, app
	cfg := s.opts.Connections(app, s.features)
	cfg.AcceptFailed = s.acceptFailed
	manager := httpconn.New(cfg)
	if err := serveAll(manager, open); err != nil {
		return errors.Join(err, manager.Stop(ctx))
	}
	s.manager = manager
	s.open, s.state = open, stateStarted
	s.publishLocked()
	return nil
}

// serveAll begins accepting at endpoints that are open, or closes them all.
func serveAll(m *httpconn.Manager, open []*opened) error {
	for _, o := range open {
		if err := o.serve(m); err != nil {
			for _, o := range open {
				o.close()
				o.unbind()
				o.release()
			}
			return err
		}
	}
	return nil
}

// hosting are the addresses of the ServerAddressesFeature as they were before the server bound any.
type hosting struct {
	urls   []string
	prefer bool
}

// endpoints decides where to listen, with which certificates.
func (s *Server) endpoints(configured []Endpoint) []Endpoint {
	return s.opts.withDefaults(s.addressed(configured))
}

// addressed decides where to listen (Kestrel's AddressBinder).
func (s *Server) addressed(configured []Endpoint) []Endpoint {
	urls := s.hosting.urls
	if len(configured) > 0 && (len(urls) == 0 || !s.hosting.prefer) {
		if len(urls) > 0 {
			s.log.Warn("overriding addresses with the endpoints of the options", "addresses", urls)
		}
		return configured
	}
	if len(configured) > 0 {
		s.log.Warn("overriding the endpoints of the options with the hosting addresses", "addresses", urls)
	}
	if len(urls) == 0 {
		urls = []string{defaultURL}
	}
	var out []Endpoint
	for _, url := range urls {
		out = append(out, Endpoint{URL: url})
	}
	return out
}

// publishLocked makes the addresses feature say what is bound.
func (s *Server) publishLocked() {
	var urls []string
	for _, o := range s.open {
		for _, b := range o.bound {
			if len(urls) == 0 || urls[len(urls)-1] != b.url {
				urls = append(urls, b.url)
			}
		}
	}
	s.addresses.Bind(urls...)
}

// acceptFailed logs what the accept loop waits out. Keys: address, error, wait.
func (s *Server) acceptFailed(l net.Listener, err error, wait time.Duration) {
	s.log.Error("cannot accept connections", "address", l.Addr().String(), "error", err, "wait", wait)
}

// Stop implements server.Server. Any number of Stops may wait at once; the one whose ctx ends first aborts.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	was, open := s.state, s.open
	s.state = stateStopped
	s.mu.Unlock()
	if s.manager == nil {
		return nil // it never started
	}
	if was == stateStarted {
		for _, o := range open {
			o.close()
		}
		s.mu.Lock()
		s.closeTicketKeysLocked()
		s.mu.Unlock()
	}
	err := s.manager.Stop(ctx)
	for _, o := range open {
		o.release()
	}
	return err
}
