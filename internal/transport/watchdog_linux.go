package transport

import (
	"sync/atomic"
	"time"
)

// watchdog takes the leadership of a shard from a handler that has run inline for a whole tick: it blocks, or computes.
// It ticks only while handlers run.
type watchdog struct {
	shards []*shard
	last   []uint64
	asleep atomic.Bool
	wake   chan struct{}
	ended  chan struct{}
}

const (
	// tick is how long a handler may hold its shard; it is found after one tick at least and two at most.
	tick = 500 * time.Microsecond
	// quietTicks without a handler put the watchdog to sleep.
	quietTicks = 40
)

func newWatchdog(shards []*shard) *watchdog {
	return &watchdog{shards: shards, last: make([]uint64, len(shards)), wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (w *watchdog) run() {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for quiet := 0; ; {
		if quiet > quietTicks {
			w.asleep.Store(true)
			if !w.anyMoved() {
				select {
				case <-w.wake:
				case <-w.ended:
					return
				}
			}
			w.asleep.Store(false)
			quiet = 0
		}
		timer.Reset(tick)
		select {
		case <-timer.C:
		case <-w.ended:
			return
		}
		if w.look() {
			quiet = 0
		} else {
			quiet++
		}
	}
}

// look seizes what has not moved since the last look, and reports whether anything moves.
func (w *watchdog) look() bool {
	moved := false
	for i, s := range w.shards {
		word := s.word.Load()
		if inHandler(word) && word == w.last[i] {
			s.seize(word)
		}
		moved = moved || word != w.last[i] || inHandler(word)
		w.last[i] = word
	}
	return moved
}

func (w *watchdog) anyMoved() bool {
	for i, s := range w.shards {
		if word := s.word.Load(); word != w.last[i] || inHandler(word) {
			return true
		}
	}
	return false
}

// stir wakes the watchdog. Handlers call it when they begin.
func (w *watchdog) stir() {
	if w.asleep.Load() {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (w *watchdog) end() { close(w.ended) }

// seize takes the leadership from the handler that the word stands for. The connection it serves goes on alone.
func (s *shard) seize(word uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.current.Load()
	next := uint32(word>>32) + 1
	if !s.word.CompareAndSwap(word, uint64(next)<<32) {
		return // it has just ended
	}
	c.detached.Store(true)
	s.handOff(next)
}
