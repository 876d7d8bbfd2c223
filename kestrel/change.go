package kestrel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/lannerhq/lanner/internal/tlsconfig"
	"github.com/lannerhq/lanner/server"
)

// ErrAborted is in the error of a change that was made, where requests of an endpoint that ended had to be aborted since
// the time was over.
var ErrAborted = errors.New("requests were aborted")

// ErrNotStarted says that a server that does not serve yet cannot change: its Options say what it begins with.
var ErrNotStarted = errors.New("kestrel: not started")

func (s *Server) servingLocked() error {
	switch s.state {
	case stateNew:
		return ErrNotStarted
	case stateStopped:
		return server.ErrStopped
	}
	return nil
}

// AddEndpoint listens at one more place while the server serves. The addresses feature has it when AddEndpoint returns
// nil; on an error nothing has changed. A name must not be in use. It is safe to call from any goroutine.
func (s *Server) AddEndpoint(ctx context.Context, e Endpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.servingLocked(); err != nil {
		return err
	}
	opts := &Options{Endpoints: []Endpoint{e}, Certificates: s.opts.Certificates, HTTP3: s.opts.HTTP3}
	if err := opts.Validate(); err != nil {
		return err
	}
	for _, o := range s.open {
		if e.Name != "" && o.called(e.Name) {
			return fmt.Errorf("there is an endpoint %q already, at %s: choose another name, or remove that one first", e.Name, o.bound[0].url)
		}
	}
	open, err := s.openAllLocked(ctx, opts.withDefaults(opts.Endpoints))
	if err != nil {
		return err
	}
	if err := serveAll(s.manager, open); err != nil {
		return err
	}
	s.open = append(slices.Clone(s.open), open...)
	s.publishLocked()
	return nil
}

// RemoveEndpoint stops listening at an endpoint, and at all of that name where several have it; one without a name is
// called by its URL. It stops at once; its connections end as in Stop: those that wait are closed, running requests may
// finish until ctx ends, then they are aborted, and the error wraps ErrAborted. Other endpoints do not notice. It is safe
// to call from any goroutine, but a handler that waits for it on that endpoint waits for itself.
func (s *Server) RemoveEndpoint(ctx context.Context, name string) error {
	s.mu.Lock()
	if err := s.servingLocked(); err != nil {
		s.mu.Unlock()
		return err
	}
	var gone, rest []*opened
	var names []string
	for _, o := range s.open {
		if o.called(name) {
			gone = append(gone, o)
		} else {
			rest = append(rest, o)
			names = append(names, o.current.Load().Name)
		}
	}
	if gone == nil {
		s.mu.Unlock()
		return fmt.Errorf("there is no endpoint %q; there is %s", name, strings.Join(names, ", "))
	}
	s.open = rest
	s.closeLocked(gone)
	s.mu.Unlock()
	return s.drain(ctx, gone)
}

// closeLocked stops accepting at endpoints that have left s.open.
func (s *Server) closeLocked(gone []*opened) {
	for _, o := range gone {
		o.close()
	}
	s.publishLocked()
}

// drain ends the connections of endpoints that accept no more, all at once.
func (s *Server) drain(ctx context.Context, gone []*opened) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, o := range gone {
		for _, ep := range o.all() {
			wg.Go(func() {
				if err := s.manager.StopEndpoint(ctx, ep); err != nil {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, fmt.Errorf("%w when endpoint %s ended: %w", ErrAborted, ep.Name, err))
				}
			})
		}
	}
	wg.Wait()
	for _, o := range gone {
		o.release()
	}
	return errors.Join(errs...)
}

// Reload makes the server serve by opts. Endpoints that are at the same place keep their sockets and connections; others
// end as by RemoveEndpoint, within ctx; new ones are opened. Those that AddEndpoint added end too, unless they are in opts.
// Addresses of the ServerAddressesFeature count as they did in Start. Files of certificates are read again. Limits, Compat and ServerHeader hold for connections
// that are accepted from then on; open ones keep theirs. The Logger, AccessLog, Metrics, Rejected, Transport
// and Exec do not change.
//
// It checks opts as a whole and binds all new sockets before it changes anything: on an error nothing has changed, unless
// the error wraps ErrAborted. It is safe to call from any goroutine.
func (s *Server) Reload(ctx context.Context, opts Options) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	gone, err := s.reloadLocked(ctx, opts)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.drain(ctx, gone)
}

func (s *Server) reloadLocked(ctx context.Context, opts Options) (gone []*opened, err error) {
	if err := s.servingLocked(); err != nil {
		return nil, err
	}
	if opts.Transport != s.opts.Transport || opts.Exec != s.opts.Exec {
		return nil, fmt.Errorf("Transport and Exec are %v and %v and cannot become %v and %v while the server serves: start it anew",
			s.opts.Transport, s.opts.Exec, opts.Transport, opts.Exec)
	}
	if opts.TicketKeysFile != s.opts.TicketKeysFile {
		return nil, fmt.Errorf("TicketKeysFile is %q and cannot become %q while the server serves: start it anew", s.opts.TicketKeysFile, opts.TicketKeysFile)
	}
	opts.Logger, opts.AccessLog, opts.Metrics, opts.Rejected = s.log, s.opts.AccessLog, s.opts.Metrics, s.opts.Rejected
	opts.HTTP3 = s.opts.HTTP3
	was := s.opts
	s.opts = opts
	p := plan{server: s, endpoints: s.endpoints(opts.Endpoints)}
	if err := p.prepare(ctx, s.open); err != nil {
		s.opts = was
		return nil, err
	}
	s.manager.Reconfigure(opts.Connections(s.app, s.features))
	if err := serveAll(s.manager, p.fresh); err != nil {
		s.manager.Reconfigure(was.Connections(s.app, s.features))
		p.giveUp()
		s.opts = was
		return nil, err
	}
	for i, o := range p.next {
		switch {
		case p.changed[i]:
			o.become(p.endpoints[i], p.secure[i])
			o.secured.start()
		case p.sets[i] != nil && o.secured.store.Use(p.sets[i]):
			s.certificateEvents(o.current.Load().Name).Reloaded(p.sets[i].Certificates())
		}
	}
	s.open = p.next
	s.closeLocked(p.gone)
	return p.gone, nil
}

// plan is a change of endpoints that can still be given up.
type plan struct {
	server    *Server
	endpoints []Endpoint       // as they are to be
	next      []*opened        // one for each of them
	secure    []secured        // of those that change
	sets      []*tlsconfig.Set // what is in the files now, of those that do not change
	changed   map[int]bool     // those of next that stay and are to become another endpoint at the same place
	gone      []*opened
	fresh     []*opened // those of next that do not serve yet
	undo      []func()
}

// giveUp undoes what prepare has done.
func (p *plan) giveUp() {
	for _, f := range p.undo {
		f()
	}
}

// prepare finds what stays, opens what is new, and changes the modes of sockets, or does nothing.
func (p *plan) prepare(ctx context.Context, open []*opened) (err error) {
	p.next, p.gone, p.changed = make([]*opened, len(p.endpoints)), slices.Clone(open), make(map[int]bool)
	p.secure, p.sets = make([]secured, len(p.endpoints)), make([]*tlsconfig.Set, len(p.endpoints))
	p.keep(func(o *opened, e Endpoint) bool { return o.endpoint.Name == e.Name && o.at(e) }) // first, where two have one place
	p.keep((*opened).at)
	defer func() {
		if err != nil {
			p.giveUp()
		}
	}()
	for i, e := range p.endpoints {
		if p.next[i] != nil {
			continue
		}
		fresh, err := p.server.openAllLocked(ctx, []Endpoint{e})
		if err != nil {
			return p.overlapping(err)
		}
		p.next[i] = fresh[0]
		p.fresh = append(p.fresh, fresh[0])
		p.undo = append(p.undo, fresh[0].unbind)
	}
	for i, o := range p.next {
		e := p.endpoints[i]
		if o.closers == nil {
			continue
		}
		if o.serves(e, p.server.opts.watching()) {
			if o.secured.store == nil {
				continue
			}
			if p.sets[i], err = o.secured.store.Prepare(); err != nil {
				return fmt.Errorf("endpoint %q: %w", e.Name, err)
			}
			continue
		}
		if p.secure[i], err = p.server.secureLocked(e); err != nil {
			return err
		}
		p.undo = append(p.undo, p.secure[i].end)
		p.changed[i] = true
		back, err := o.changeMode(e.UnixMode)
		if err != nil {
			return err
		}
		p.undo = append(p.undo, back)
	}
	return nil
}

// keep gives endpoints that have none yet what is open and the same.
func (p *plan) keep(same func(*opened, Endpoint) bool) {
	for i, e := range p.endpoints {
		if p.next[i] != nil {
			continue
		}
		if at := slices.IndexFunc(p.gone, func(o *opened) bool { return same(o, e) }); at >= 0 {
			p.next[i] = p.gone[at]
			p.gone = slices.Delete(p.gone, at, at+1)
		}
	}
}

// overlapping says how to go on when a new address may be held by an endpoint that is to end.
func (p *plan) overlapping(err error) error {
	if len(p.gone) == 0 || !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	var urls []string
	for _, o := range p.gone {
		urls = append(urls, o.bound[0].url)
	}
	return fmt.Errorf("%w; new endpoints are opened before old ones end: if one of %s holds the port, remove it in a change of its own", err, strings.Join(urls, ", "))
}

// changeMode sets the mode of a unix socket's file; back sets it back.
func (o *opened) changeMode(mode fs.FileMode) (back func(), err error) {
	a, err := ParseAddress(o.endpoint.URL)
	if o.endpoint.Listener != nil || err != nil || !a.isUnix() || mode == o.endpoint.UnixMode {
		return func() {}, nil
	}
	path := strings.TrimPrefix(a.Host, "unix:")
	set := func(mode fs.FileMode) error {
		if mode == 0 {
			mode = defaultUnixMode
		}
		return os.Chmod(path, mode)
	}
	was := o.endpoint.UnixMode
	if err := set(mode); err != nil {
		return nil, fmt.Errorf("cannot change the mode of %s: %w", a, err)
	}
	return func() { set(was) }, nil
}
