package staticfiles

import (
	"errors"
	"hash/maphash"
	"sync"
)

// cache holds entries by key, in shards. A hit takes a shard's lock for reading and nothing else.
type cache struct {
	seed   maphash.Seed
	shards []shard // a power of two
}

// shard is a part of the keys. The rings bound what is kept; flights are the entries being made.
type shard struct {
	mu      sync.RWMutex
	entries map[string]*entry
	found   ring
	missing ring // what does not exist is bounded by itself: anybody can ask for more names
	flights map[string]*flight
	_       [64]byte // the next shard's lock is on another cache line
}

// flight is the making of an entry, which all who ask for its key meanwhile wait for.
type flight struct {
	done  chan struct{}
	entry *entry
	err   error
}

// errAbandoned is what those who wait get when the file system panicked.
var errAbandoned = errors.New("staticfiles: the file system panicked while the file was read")

// maxShards is enough for locks that are held as briefly as these.
const maxShards = 32

// newCache makes a cache of so many bytes for entries of up to one file's size. It has fewer shards when a shard would not
// hold a few of them.
func newCache(size, fileSize int64) *cache {
	n := 1
	for n < maxShards && size/int64(2*n) >= 16*(fileSize+repCost) {
		n *= 2
	}
	c := &cache{seed: maphash.MakeSeed(), shards: make([]shard, n)}
	for i := range c.shards {
		c.shards[i].entries = map[string]*entry{}
		c.shards[i].flights = map[string]*flight{}
		c.shards[i].found.limit = size / int64(n)
		c.shards[i].missing.limit = missingSize / int64(n)
	}
	return c
}

func (c *cache) shard(key string) *shard {
	return &c.shards[maphash.String(c.seed, key)&uint64(len(c.shards)-1)]
}

// get returns the entry of a key as it is, or nil.
func (c *cache) get(key string) *entry {
	s := c.shard(key)
	s.mu.RLock()
	e := s.entries[key]
	s.mu.RUnlock()
	if e != nil && !e.used.Load() { // a store by every hit would move the cache line between cores
		e.used.Store(true)
	}
	return e
}

// refresh returns a fresh entry for key, made by load from the one that was there, or by another caller meanwhile.
func (c *cache) refresh(key string, fresh func(*entry) bool, load func(old *entry) (*entry, error)) (*entry, error) {
	s := c.shard(key)
	s.mu.Lock()
	old := s.entries[key]
	if old != nil && fresh(old) {
		s.mu.Unlock()
		return old, nil
	}
	if running := s.flights[key]; running != nil {
		s.mu.Unlock()
		<-running.done
		return running.entry, running.err
	}
	fl := &flight{done: make(chan struct{}), err: errAbandoned}
	s.flights[key] = fl
	s.mu.Unlock()
	defer s.land(key, fl)
	fl.entry, fl.err = load(old)
	return fl.entry, fl.err
}

// land ends a flight and keeps what it brought.
func (s *shard) land(key string, fl *flight) {
	s.mu.Lock()
	delete(s.flights, key)
	if old := s.entries[key]; fl.err == nil && old != fl.entry {
		if old != nil {
			s.removeLocked(old)
		}
		s.addLocked(fl.entry)
	}
	s.mu.Unlock()
	close(fl.done)
}

// drop removes an entry that turned out not to hold.
func (c *cache) drop(e *entry) {
	s := c.shard(e.key)
	s.mu.Lock()
	if s.entries[e.key] == e {
		s.removeLocked(e)
	}
	s.mu.Unlock()
}

func (s *shard) ring(e *entry) *ring {
	if e.kind == missing || e.kind == forbidden {
		return &s.missing
	}
	return &s.found
}

func (s *shard) addLocked(e *entry) {
	r := s.ring(e)
	if e.cost > r.limit {
		return
	}
	for r.cost+e.cost > r.limit {
		s.removeLocked(r.victim())
	}
	s.entries[e.key] = e
	r.add(e)
}

func (s *shard) removeLocked(e *entry) {
	delete(s.entries, e.key)
	s.ring(e).remove(e)
}

// ring chooses what to evict, by the CLOCK algorithm: a hand goes round, passes those that were used since it last came by,
// and takes the first that was not.
type ring struct {
	entries []*entry
	hand    int
	cost    int64
	limit   int64
}

func (r *ring) add(e *entry) {
	e.place = len(r.entries)
	r.entries = append(r.entries, e)
	r.cost += e.cost
}

func (r *ring) remove(e *entry) {
	last := len(r.entries) - 1
	r.entries[e.place] = r.entries[last]
	r.entries[e.place].place = e.place
	r.entries[last] = nil
	r.entries = r.entries[:last]
	r.cost -= e.cost
}

// victim ends in the second round at the latest. The ring is not empty.
func (r *ring) victim() *entry {
	for {
		if r.hand >= len(r.entries) {
			r.hand = 0
		}
		e := r.entries[r.hand]
		if !e.used.Swap(false) {
			return e
		}
		r.hand++
	}
}
