package lanner

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// heapFloor is the size that the heap may have before it is collected, however little of it lives. A server lives on a few
// megabytes and makes a kilobyte or two of garbage with each request: by Go's own rule it would be collected dozens of times
// a second, each time for next to nothing.
const heapFloor = 32 << 20

const (
	// quietFor is how long nothing must have been allocated before memory goes back to the system.
	quietFor = time.Second
	// quietBytes is what an idle server may allocate in that time, and idleGarbage what makes giving back worth while.
	quietBytes  = 256 << 10
	idleGarbage = 2 << 20
)

// TuneGC lets the heap grow to 32 MiB before it is collected, and gives memory back to the system when the process has been
// idle for a few seconds. A heap of which more than 16 MiB live is left to Go's own rule. It does nothing when GOGC or
// GOMEMLIMIT is set in the environment. The returned function ends it and restores Go's rule. Run calls TuneGC; a program
// that uses package kestrel by itself may.
func TuneGC() (stop func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	t := &gcTuner{stopped: make(chan struct{}), done: make(chan struct{}), before: debug.SetGCPercent(gcPercent(0))}
	t.afterGC()
	go t.watchIdle()
	var once sync.Once
	return func() { once.Do(t.stop) }
}

type gcTuner struct {
	stopped, done chan struct{}
	before        int

	mu      sync.Mutex
	percent int // that was set last
}

// gcPercent is the GOGC value by which a heap with so many living bytes is collected at heapFloor: at most 800, since Go's
// least heap is 4 MiB times GOGC/100, at least Go's default of 100.
func gcPercent(live uint64) int {
	if live == 0 {
		return 800
	}
	return int(min(max(heapFloor/live, 2)-1, 8)) * 100
}

// afterGC adjusts the percentage after each collection: the finalizer of an object that nobody has runs after the next one.
func (t *gcTuner) afterGC() {
	type sentinel struct{ _ [16]byte }
	runtime.SetFinalizer(new(sentinel), func(*sentinel) {
		if t.adjust() {
			t.afterGC()
		}
	})
}

// adjust reports whether the tuner goes on.
func (t *gcTuner) adjust() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.stopped:
		return false
	default:
	}
	if p := gcPercent(read("/gc/heap/live:bytes")); p != t.percent {
		t.percent = p
		debug.SetGCPercent(p)
	}
	return true
}

// watchIdle gives memory back once each time the process has become idle.
func (t *gcTuner) watchIdle() {
	defer close(t.done)
	ticker := time.NewTicker(quietFor)
	defer ticker.Stop()
	var last, freed uint64 // allocated at the last look, and when memory was given back
	for {
		select {
		case <-t.stopped:
			return
		case <-ticker.C:
		}
		now := read("/gc/heap/allocs:bytes")
		if now-last < quietBytes && now-freed > idleGarbage {
			debug.FreeOSMemory()
			freed = now
		}
		last = now
	}
}

func (t *gcTuner) stop() {
	t.mu.Lock()
	close(t.stopped)
	debug.SetGCPercent(t.before)
	t.mu.Unlock()
	<-t.done
}

func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
