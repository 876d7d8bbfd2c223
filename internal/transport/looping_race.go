//go:build linux && race

package transport

import "sync/atomic"

// looping proves, in tests, that one goroutine leads a shard: it counts those that run the loop's own code.
type looping struct{ n atomic.Int32 }

func (l *looping) enter() {
	if n := l.n.Add(1); n != 1 {
		panic("transport: two goroutines lead one shard")
	}
}

func (l *looping) leave() {
	if n := l.n.Add(-1); n != 0 {
		panic("transport: two goroutines lead one shard")
	}
}
