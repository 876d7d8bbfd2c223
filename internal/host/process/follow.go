package process

import "sync/atomic"

// followQueue is how many lines may wait for a follower.
const followQueue = 1024

// Follower gets lines as they are printed. One that does not keep up loses
// lines; the program that prints is never held up.
type Follower struct {
	from    *Output
	lines   chan Line
	dropped atomic.Uint64
	closed  bool // guarded by from.mu
}

// Lines gives the lines in order. It is closed when the Follower or the Output
// is closed.
func (f *Follower) Lines() <-chan Line { return f.lines }

// Dropped returns how many lines were lost because too many were waiting.
func (f *Follower) Dropped() uint64 { return f.dropped.Load() }

// Close ends the following. Calling it again does nothing.
func (f *Follower) Close() {
	f.from.mu.Lock()
	defer f.from.mu.Unlock()
	f.endLocked()
}

func (f *Follower) endLocked() {
	if f.closed {
		return
	}
	f.closed = true
	delete(f.from.followers, f)
	close(f.lines)
}

// offer is called with from.mu held.
func (f *Follower) offer(l Line) {
	select {
	case f.lines <- l:
	default:
		f.dropped.Add(1)
	}
}
