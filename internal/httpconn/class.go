package httpconn

import "sync/atomic"

// classes remembers which kinds of requests have handlers that block. A kind is a method and the first segment of a path:
// what the manager can tell without knowing the application's routes. Kinds that share an entry of the table share a fate,
// which costs a little speed and nothing else.
type classes [1024]class

// class counts down from the last time that a handler of the kind held the loop up.
type class struct{ score atomic.Int32 }

const (
	// blockedScore is how many requests of a kind run on goroutines after one has blocked.
	blockedScore = 256
)

func (t *classes) of(method, path string) *class {
	h := uint32(2166136261)
	for i := range len(method) {
		h = (h ^ uint32(method[i])) * 16777619
	}
	for i := 0; i < len(path) && (i == 0 || path[i] != '/'); i++ {
		h = (h ^ uint32(path[i])) * 16777619
	}
	return &t[h%uint32(len(t))]
}

// blocks reports whether the next handler of this kind is to run on a goroutine.
func (c *class) blocks() bool {
	return c.score.Load() > 0 && c.score.Add(-1) >= 0
}

// blocked says that a handler of this kind has held the loop up.
func (c *class) blocked() { c.score.Store(blockedScore) }
