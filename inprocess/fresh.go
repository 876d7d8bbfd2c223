package inprocess

import (
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/internal/transport"
)

// freshTime is how long a drain waits for connections with TLS that have not had a request yet. Their clients have just come: they were handed
// over when this worker was the newest. One that is closed before its first request is a failure that clients do not expect.
const freshTime = time.Second

// fresh counts connections with TLS that have not had a request.
type fresh struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n is 0; nil when nobody waits
}

func (f *fresh) begin() {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
}

func (f *fresh) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 && f.none != nil {
		close(f.none)
		f.none = nil
	}
}

// wait returns what is closed when there are none; nil when there are none now. Only one goroutine may wait.
func (f *fresh) wait() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == 0 {
		return nil
	}
	f.none = make(chan struct{})
	return f.none
}

// onState notes that a connection has its first request. It runs on the connection's goroutine.
func (o *origin) onState(_ transport.Link, state httpconn.State) {
	if state == httpconn.Running || state == httpconn.Upgraded {
		o.used()
	}
}

// used says that the connection is fresh no more. It runs on the connection's goroutine, or when that is over.
func (o *origin) used() {
	if o.fresh != nil {
		o.fresh.end()
		o.fresh = nil
	}
}

// drainSoon drains when connections that are fresh have had their first request, or freshTime is over. It returns at once.
func (s *Server) drainSoon() {
	s.stopAccepting()
	none := s.fresh.wait()
	if none == nil {
		s.drainNow()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateStopped { // Stop drains
		return
	}
	s.wg.Go(func() {
		late := time.NewTimer(freshTime)
		defer late.Stop()
		select {
		case <-none:
		case <-late.C:
		case <-s.stopping:
		}
		s.drainNow()
	})
}

func (s *Server) drainNow() {
	s.manager.Drain()
	s.drain()
}
