package transport

import "sync"

// assignment is the leadership of a shard in a term.
type assignment struct {
	shard *shard
	term  uint32
}

// follower is a goroutine that has led a shard, lost it, and waits for another. It keeps the stack that handlers made it
// grow, which a new goroutine would have to grow again.
type follower struct{ next chan assignment } // holds one; closed when the follower is dismissed

// followers are those that wait, the last one to come first: its stack is the warmest.
type followers struct {
	mu      sync.Mutex
	waiting []*follower
	least   int // how many have waited at any time since the last trim: so many were not needed
	closed  bool
}

// maxFollowers bounds the memory of goroutines that wait.
const maxFollowers = 256

// follow leads a shard, and then whatever else it is assigned.
func (l *Loop) follow(a assignment) {
	f := &follower{next: make(chan assignment, 1)}
	for ok := true; ok; {
		a.shard.lead(a.term)
		if !l.followers.put(f) {
			return
		}
		a, ok = <-f.next
	}
}

// put lets f wait. It reports false when there are enough.
func (p *followers) put(f *follower) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.waiting) >= maxFollowers {
		return false
	}
	p.waiting = append(p.waiting, f)
	return true
}

// take returns a follower, whose next the caller sends once, or nil.
func (p *followers) take() *follower {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.waiting) - 1
	if last < 0 {
		return nil
	}
	f := p.waiting[last]
	p.waiting[last] = nil
	p.waiting = p.waiting[:last]
	p.least = min(p.least, last)
	return f
}

// trim dismisses half of those that were not needed since the last time.
func (p *followers) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range (p.least + 1) / 2 {
		close(p.waiting[0].next)
		p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	}
	p.least = len(p.waiting)
}

// dismiss ends all, also those that come later.
func (p *followers) dismiss() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, f := range p.waiting {
		close(f.next)
	}
	p.waiting = nil
}
