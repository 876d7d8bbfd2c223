package inprocess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// Available reports whether the host started this process as an in-process worker.
func Available() bool { return os.Getenv(handover.ControlVariable) != "" }

// Environment says where the application is hosted. It is a feature of the server: server.Get[inprocess.Environment].
type Environment struct {
	// Site and Application are names in the host's configuration, PathBase is "" or "/sub".
	Site, Application, PathBase string
	// Worker is this worker's id, Generation the number of workers that the application had before it, plus one.
	Worker     string
	Generation uint64
}

// Server implements server.Server.
type Server struct {
	opts      kestrel.Options
	log       *slog.Logger
	features  *server.Features
	addresses server.Addresses // which the host decides
	open      func() (*handover.Channel, error)

	channel *handover.Channel
	manager *httpconn.Manager
	table   *handover.StatusTable
	routes  atomic.Pointer[ownership]
	drained chan struct{} // closed when the host asks to drain, or is gone

	signer      *signer
	credentials map[uint32]*credential // by the host's number; only receive uses it
	fresh       fresh
	stopping    chan struct{}  // closed by Stop
	wg          sync.WaitGroup // of a drain that waits

	mu        sync.Mutex
	state     state
	endpoints map[string]*httpconn.Endpoint // by scheme
	closers   map[uint32]func()             // of shared sockets
	drainOnce sync.Once
	lastLocal atomic.Uint64
	received  chan struct{} // closed when the receiving goroutine has ended
}

type state uint8

const (
	stateNew state = iota
	stateStarted
	stateStopped
)

// New returns a server that takes its connections from the host that started this process. Endpoints in opts are ignored;
// limits that the host sets win over those in opts.
func New(opts kestrel.Options) *Server {
	s := &Server{
		opts: opts, log: opts.Logger, features: server.NewFeatures(nil), open: handover.FromEnvironment,
		drained: make(chan struct{}), received: make(chan struct{}),
		endpoints: make(map[string]*httpconn.Endpoint), closers: make(map[uint32]func()),
		credentials: make(map[uint32]*credential), stopping: make(chan struct{}),
	}
	s.signer = newSigner(func(m handover.Message) error { return s.channel.Send(m) }, s.received, httpconn.DefaultHandshakeTimeout)
	if s.log == nil {
		s.log = slog.Default()
	}
	server.Set[server.ServerAddressesFeature](s.features, &s.addresses)
	return s
}

// Features implements server.Server.
func (s *Server) Features() *server.Features { return s.features }

// Drained is closed when the host wants this worker to end, or is gone: time to Stop.
func (s *Server) Drained() <-chan struct{} { return s.drained }

// Start implements server.Server: it greets the host and tells it that the application is ready.
func (s *Server) Start(ctx context.Context, app server.Application) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case stateStarted:
		return server.ErrStarted
	case stateStopped:
		return server.ErrStopped
	}
	channel, err := s.open()
	if err != nil {
		return fmt.Errorf("cannot open the control channel of the host: %w", err)
	}
	hello, err := receiveHello(ctx, channel)
	if err != nil {
		channel.Close()
		return fmt.Errorf("the host did not say hello: %w", err)
	}
	if err := s.prepareLocked(hello, app); err != nil {
		channel.Send(&handover.Failed{Reason: err.Error()})
		channel.Close()
		return err
	}
	s.channel = channel
	if err := channel.Send(&handover.Ready{PID: os.Getpid(), Addresses: hello.Addresses}); err != nil {
		s.manager.Stop(ctx)
		channel.Close()
		return fmt.Errorf("cannot tell the host that the application is ready: %w", err)
	}
	s.state = stateStarted
	go s.receive()
	return nil
}

// receiveHello waits for the first message, within ctx.
func receiveHello(ctx context.Context, channel *handover.Channel) (*handover.Hello, error) {
	stop := context.AfterFunc(ctx, func() { channel.Close() })
	defer stop()
	m, err := channel.Receive()
	if err != nil {
		return nil, errors.Join(err, context.Cause(ctx))
	}
	hello, ok := m.(*handover.Hello)
	if !ok {
		handover.Discard(m)
		return nil, fmt.Errorf("it sent %s", m.Kind())
	}
	return hello, nil
}

// prepareLocked sets up what the greeting says.
func (s *Server) prepareLocked(hello *handover.Hello, app server.Application) error {
	var limits kestrel.Limits
	if len(hello.Limits) > 0 {
		if err := json.Unmarshal(hello.Limits, &limits); err != nil {
			return fmt.Errorf("the limits that the host sent cannot be read: %w", err)
		}
	}
	var c kestrel.Configuration
	c.AddCode(kestrel.Options{Limits: s.opts.Limits, Compat: s.opts.Compat})
	c.AddCode(kestrel.Options{Limits: limits}) // those that the host says nothing of stay
	opts, err := c.Options()
	if err != nil {
		return err
	}
	s.opts.Limits = opts.Limits
	if hello.StatusTable != nil {
		table, err := handover.OpenStatusTable(hello.StatusTable)
		if err != nil {
			return fmt.Errorf("cannot share the status table with the host: %w", err)
		}
		s.table = table
	}
	s.routes.Store(newOwnership(hello.Routes, hello.ForeignPrefixes, hello.ForeignHosts))
	server.Set(s.features, Environment{hello.Site, hello.Application, hello.PathBase, hello.Worker, hello.Generation})
	s.addresses.Bind(hello.Addresses...)
	if hello.PathBase != "" {
		app = rebase{app, hello.PathBase}
	}
	s.opts.Logger = s.log
	cfg := s.opts.Connections(owned{app, s}, s.features)
	cfg.Claim = func(q *http1.Request, tag any) bool { return tag.(*origin).ours || s.routes.Load().owns(q) }
	cfg.Multiplex = s.multiplex
	cfg.Released, cfg.Ended, cfg.ReturnIdle = s.released, s.ended, true
	cfg.AcceptFailed = func(l net.Listener, err error, wait time.Duration) {
		s.log.Error("cannot accept connections", "address", l.Addr().String(), "error", err, "wait", wait)
	}
	s.manager = httpconn.New(cfg)
	return nil
}

// rebase mounts the application under its path base.
type rebase struct {
	app  server.Application
	base string
}

func (r rebase) Process(f *server.Features) error {
	server.Rebase(f, r.base)
	return r.app.Process(f)
}

// Stop implements server.Server. Connections between two requests go back to the host, which gives them to another
// worker: no client sees them end.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	was := s.state
	s.state = stateStopped
	if was == stateStarted {
		close(s.stopping)
	}
	s.mu.Unlock()
	if was == stateNew || s.manager == nil {
		return nil // it never served
	}
	s.stopAccepting()
	err := s.manager.Stop(ctx)
	s.drain()
	s.channel.Close()
	<-s.received
	s.wg.Wait()
	return err
}

func (s *Server) stopAccepting() {
	s.mu.Lock()
	closers := s.closers
	s.closers = make(map[uint32]func())
	s.mu.Unlock()
	for _, stop := range closers {
		stop()
	}
}

func (s *Server) drain() { s.drainOnce.Do(func() { close(s.drained) }) }
