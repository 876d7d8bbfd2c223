package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// cacheLimit bounds every cache, as meters bound their series. It is the default limit of OpenTelemetry's SDKs.
const cacheLimit = 2000

// cache keeps what was bound for each key. get takes no lock and allocates nothing for a key that is there, nor for one
// that finds no room.
type cache[K comparable, V any] struct {
	bind     func(K) V
	overflow func() V // binds the series for keys that find no room
	limit    int

	entries atomic.Pointer[map[K]V] // the map is never changed, only replaced
	rest    atomic.Pointer[V]       // what overflow returned, when there was no room

	mu sync.Mutex // held to replace either
}

func newCache[K comparable, V any](bind func(K) V, overflow func() V) *cache[K, V] {
	c := &cache[K, V]{bind: bind, overflow: overflow, limit: cacheLimit}
	c.entries.Store(new(map[K]V))
	return c
}

func (c *cache[K, V]) get(key K) V {
	if v, ok := (*c.entries.Load())[key]; ok {
		return v
	}
	if rest := c.rest.Load(); rest != nil {
		return *rest
	}
	return c.add(key)
}

// add binds key. Replacing the whole map costs as much as it is long, which happens at most limit times.
func (c *cache[K, V]) add(key K) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.entries.Load()
	if v, ok := old[key]; ok {
		return v // another goroutine was first
	}
	if len(old) >= c.limit {
		rest := c.overflow()
		c.rest.Store(&rest)
		return rest
	}
	entries := make(map[K]V, len(old)+1)
	maps.Copy(entries, old)
	v := c.bind(key)
	entries[key] = v
	c.entries.Store(&entries)
	return v
}
