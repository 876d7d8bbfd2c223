package inprocess

import (
	"sync"
	"sync/atomic"
	"time"
)

// freshTime is how long a drain, of all or of one credential, waits for connections with TLS that have not had a request yet. Their clients have just come: they were handed
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

// wait returns what is closed when there are none; nil when there are none now.
func (f *fresh) wait() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n > 0 && f.none == nil {
		f.none = make(chan struct{})
	}
	return f.none
}

// visit is a connection with TLS, as a feature of its requests.
type visit struct {
	*credential
	fresh *fresh
	begun atomic.Bool // it is fresh no more
}

// used notes that the connection has had a request, or is over.
func (v *visit) used() {
	if v != nil && !v.begun.Load() && v.begun.CompareAndSwap(false, true) {
		v.fresh.end()
	}
}

// soon calls drain when connections that are fresh have had their first request, or freshTime is over. It returns at once.
func (s *Server) soon(drain func()) {
	none := s.fresh.wait()
	if none == nil {
		drain()
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
		drain()
	})
}

// drainAll ends what this worker has, and says so.
func (s *Server) drainAll() {
	s.manager.Drain()
	s.drain()
}
