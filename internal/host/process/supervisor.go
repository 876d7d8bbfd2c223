package process

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// Options configures a Supervisor. The zero value works.
type Options struct {
	// Log receives the events of events.go. Nil means none.
	Log *slog.Logger
	// NoCgroups keeps trees out of cgroups even where a writable version 2 tree
	// exists. Linux only.
	NoCgroups bool
	// Subreaper makes this program the parent of descendants whose own parent has
	// ended (prctl(2), PR_SET_CHILD_SUBREAPER), so that they can be found and
	// reaped. It is a setting of the whole program, and so is the reaping that
	// goes with it: children that other code started in a process group of their
	// own could be reaped before that code waits for them. A program that runs as
	// process 1 of a container reaps in any case. Linux only.
	Subreaper bool
	// Guard starts a second, small process that ends all trees when this one is
	// killed. The program's main must call RunGuard first of all. Not needed, and
	// ignored, on Windows.
	Guard bool
}

// ErrClosed is returned by Start after Close.
var ErrClosed = errors.New("the process supervisor is closed")

// Supervisor starts processes and answers for them: none of them outlives it.
// Its methods may be called by several goroutines at once.
type Supervisor struct {
	log   *slog.Logger
	spawn *spawner
	guard *guard // nil without one
	platform

	// forkMu is held from a fork until the new process is known, and by the reaper:
	// a process that ends at once must not be taken for an orphan.
	forkMu sync.Mutex

	mu     sync.Mutex
	closed bool
	live   map[*Process]struct{}
	ended  sync.WaitGroup // one for each process in live
}

// New returns a Supervisor. Close must be called.
func New(opts Options) (*Supervisor, error) {
	s := &Supervisor{log: opts.Log, live: make(map[*Process]struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.spawn = newSpawner()
	if err := s.platform.init(s, opts); err != nil {
		s.spawn.stop()
		return nil, err
	}
	if err := s.startHelpers(opts); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Supervisor) startHelpers(opts Options) error {
	if opts.Guard && guardSupported {
		g, err := newGuard(s)
		if err != nil {
			return fmt.Errorf("cannot start the guard process: %w", err)
		}
		s.guard = g
	}
	return s.platform.adopt(s, opts)
}

// Start starts a process. It fails, with the reason, when the program cannot be
// executed; a program that ends at once is not a failure of Start.
func (s *Supervisor) Start(spec Spec) (*Process, error) {
	if err := spec.validate(); err != nil {
		return nil, fmt.Errorf("cannot start %v: %w", spec.Command, err)
	}
	path, err := LookPath(spec.Command[0], spec.Dir, spec.Env)
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", spec.Command[0], err)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	s.ended.Add(1)
	s.mu.Unlock()

	p, err := s.start(spec, path)
	if err != nil {
		s.ended.Done()
		return nil, fmt.Errorf("cannot start %s: %w", path, err)
	}
	return p, nil
}

// Processes returns the processes that have not ended yet.
func (s *Supervisor) Processes() []*Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Process, 0, len(s.live))
	for p := range s.live {
		all = append(all, p)
	}
	return all
}

// Close kills every tree that is left, waits for their end, and releases what
// the supervisor holds. Stop the processes before to let them end in order.
// Calling it again does nothing.
func (s *Supervisor) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.ended.Wait()
		return nil
	}
	s.closed = true
	s.mu.Unlock()

	var errs []error
	for _, p := range s.Processes() {
		errs = append(errs, p.Kill())
	}
	s.ended.Wait()
	// The guard ends last of all: until here it may still be needed.
	if s.guard != nil {
		errs = append(errs, s.guard.close())
	}
	errs = append(errs, s.platform.close())
	s.spawn.stop()
	return errors.Join(errs...)
}
