package httpconn

import (
	"sync/atomic"
	"time"
)

// classes remembers which kinds of requests have handlers that block. A kind is a method and the first segment of a path:
// what the manager can tell without knowing the application's routes. Kinds that share an entry of the table share a fate,
// which costs a little speed and nothing else.
type classes [1024]class

// class is a kind of requests. It runs on goroutines until enough of its handlers in a row have been quick there; then it
// runs on the loop, until too many of them hold the loop up.
type class struct {
	// debt is how many quick handlers are missing before the kind runs on the loop, offset by probation: zero is a new kind.
	debt atomic.Int32
	// runs on the loop since one held it up, counted in steps of runStep.
	runs atomic.Uint32
}

const (
	// probation is how many handlers of a new kind run on goroutines first.
	probation = 32
	// slowDebt is what a slow handler costs on a goroutine, heldUpDebt what one costs that held the loop up, and maxDebt the
	// most: a kind with one slow handler in slowDebt stays on goroutines.
	slowDebt   = 128
	heldUpDebt = 256
	maxDebt    = 512
	// slow is how long a handler takes that had better not run on the loop.
	slow = 500 * time.Microsecond
	// rare is how many handlers may run on the loop for one that holds it up.
	rare    = 512
	runStep = 16
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
func (c *class) blocks() bool { return c.debt.Load() > -probation }

// took says how long a handler took on a goroutine.
func (c *class) took(d time.Duration) {
	if d < slow {
		c.debt.Add(-1)
		return
	}
	c.debt.Store(min(max(c.debt.Load(), 0)+slowDebt, maxDebt))
}

// ran says that runStep handlers of this kind have run on the loop.
func (c *class) ran() { c.runs.Add(runStep) }

// heldUp says that a handler of this kind has held the loop up.
func (c *class) heldUp() {
	if c.runs.Swap(0) < rare {
		c.debt.Store(heldUpDebt)
	}
}
