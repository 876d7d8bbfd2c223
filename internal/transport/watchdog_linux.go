package transport

import (
	"sync/atomic"
	"time"
)

// watchdog takes the leadership of a shard from a handler that has run inline for two ticks: it blocks, or computes.
// It ticks only while handlers run.
type watchdog struct {
	shards []*shard
	last   []uint64
	still  []uint8 // for how many looks the word has been last, busy
	asleep atomic.Bool
	wake   chan struct{}
	ended  chan struct{}
}

const (
	// tick is the time between two looks. A handler loses its shard at the third look that finds it: after two ticks at
	// least and three at most. Shorter ones would mostly find leaders whom the kernel has suspended for another process.
	tick = time.Millisecond
	// quietTicks without a handler put the watchdog to sleep.
	quietTicks = 20
)

func newWatchdog(shards []*shard) *watchdog {
	return &watchdog{shards: shards, last: make([]uint64, len(shards)), still: make([]uint8, len(shards)), wake: make(chan struct{}, 1), ended: make(chan struct{})}
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
		if word&busy == 0 || word != w.last[i] {
			w.still[i] = 0
		} else if w.still[i]++; w.still[i] == 2 {
			w.still[i] = 0
			s.seize(word)
		}
		moved = moved || word != w.last[i] || word&busy != 0
		w.last[i] = word
	}
	return moved
}

func (w *watchdog) anyMoved() bool {
	for i, s := range w.shards {
		if word := s.word.Load(); word != w.last[i] || word&busy != 0 {
			return true
		}
	}
	return false
}

// stir wakes the watchdog. It is called when a word has become busy: either the watchdog sees that, or stir sees it asleep.
func (w *watchdog) stir() {
	if w.asleep.Load() {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (w *watchdog) end() { close(w.ended) }
