package httpconn

import (
	"sync"
	"sync/atomic"
	"time"
)

// minder watches handlers that run on the readers of HTTP/2 connections which have goroutines of their own, as the event loop's watchdog
// does on the loop: when one takes long, another goroutine goes on with the connection's other requests. It ticks only while
// readers are at work.
type minder struct {
	mu     sync.Mutex
	busy   map[turning]*minded // readers in Process, and leaders
	asleep bool
	wake   chan struct{}
	stop   chan struct{}
	ended  chan struct{}
	once   sync.Once
}

// turning is a connection whose reader, or leader, runs handlers.
type turning interface {
	// mind is what the minder has seen of it; turn is odd while a handler runs on its reader, and another one for each.
	mind() *minded
	turn() uint64
	// takeOver lets another goroutine go on in the reader's place.
	takeOver()
}

// minded is what the minder has seen of a reader.
type minded struct {
	at    uint64 // its turn at the last look
	still int    // looks since it moved
}

const (
	// mindTick is the time between two looks, mindLooks how many must find the same handler.
	mindTick  = time.Millisecond
	mindLooks = 2
	// mindQuiet looks that find nobody at work put it to sleep.
	mindQuiet = 20
)

func newMinder() *minder {
	return &minder{busy: make(map[turning]*minded), wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
}

// enter and leave bracket the work of a reader.
func (n *minder) enter(x turning) {
	n.once.Do(func() { go n.run() })
	n.mu.Lock()
	seen := x.mind()
	seen.still = 0
	n.busy[x] = seen
	asleep := n.asleep
	n.asleep = false
	n.mu.Unlock()
	if asleep {
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
}

func (n *minder) leave(x turning) {
	n.mu.Lock()
	delete(n.busy, x)
	n.mu.Unlock()
}

// end stops it and waits for it.
func (n *minder) end() {
	n.once.Do(func() { close(n.ended) }) // none from now on, or it never ran
	close(n.stop)
	<-n.ended
}

func (n *minder) run() {
	defer close(n.ended)
	timer := time.NewTimer(mindTick)
	defer timer.Stop()
	var late []turning
	for quiet := 0; ; {
		select {
		case <-timer.C:
		case <-n.stop:
			return
		}
		n.mu.Lock()
		quiet++
		for x, seen := range n.busy {
			quiet = 0
			turn := x.turn()
			if turn != seen.at || turn%2 == 0 {
				seen.at, seen.still = turn, 0
			} else if seen.still++; seen.still == mindLooks {
				late = append(late, x)
			}
		}
		sleep := quiet > mindQuiet
		n.asleep = sleep
		n.mu.Unlock()
		for _, x := range late {
			x.takeOver()
		}
		clear(late)
		late = late[:0]
		if sleep {
			select {
			case <-n.wake:
			case <-n.stop:
				return
			}
			quiet = 0
		}
		timer.Reset(mindTick)
	}
}

func (x *mux) mind() *minded { return &x.turns.mind }
func (x *mux) turn() uint64  { return x.turns.now.Load() }

// takeOver lets another goroutine be the reader of a connection whose reader runs a handler that takes long.
func (x *mux) takeOver() {
	turn := x.turns.now.Load()
	if turn%2 == 1 && x.http.Seized(x.always) {
		x.turns.seized.Store(turn)
		go x.goOn()
	}
}

func (x *mux) always() bool { return true }

// turns is what the minder knows a connection by.
type turns struct {
	now    atomic.Uint64 // of the handler that runs on the reader; even when none does
	seized atomic.Uint64 // of the last one whose reader was replaced
	last   uint64        // the last turn; the reader's
	mind   minded        // the minder's
}

func (x *mux) beginTurn(r *muxStream) {
	x.turns.last += 2
	r.turn = x.turns.last | 1
	x.turns.now.Store(r.turn)
}

// endTurn reports whether another goroutine has become the reader, because the handler took long.
func (x *mux) endTurn(r *muxStream) bool {
	x.turns.now.CompareAndSwap(r.turn, r.turn-1) // unless the next reader has begun another
	return x.turns.seized.Load() == r.turn
}
