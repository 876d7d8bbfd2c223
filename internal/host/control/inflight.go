package control

import "sync"

// inFlight counts running requests, so that none outlives the server: net/http does not wait for handlers it has cut.
type inFlight struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// enter counts a request in. False means that the server is closed.
func (f *inFlight) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.running.Add(1)
	return true
}

func (f *inFlight) leave() { f.running.Done() }

// close lets no more in and waits for the rest.
func (f *inFlight) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.running.Wait()
}
