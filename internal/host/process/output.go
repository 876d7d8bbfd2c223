package process

import "sync"

// DefaultKeep is how much output is remembered: the module for IIS keeps 30,000
// characters for its start-failure event.
const DefaultKeep = 30_000

// OutputOptions configures an Output. The zero value works.
type OutputOptions struct {
	// Keep bounds the remembered output in bytes of text. Zero means DefaultKeep,
	// negative means none.
	Keep int
	// File, if not nil, gets every line. The caller closes it, after the processes
	// that print have ended.
	File *File
}

// Output takes the lines of one or several processes, remembers the last of
// them, and passes them on to followers and to a file. Its methods may be called
// by several goroutines at once; a nil Output takes lines and forgets them.
type Output struct {
	file *File
	keep int

	mu        sync.Mutex
	ring      ring
	followers map[*Follower]struct{}
	closed    bool
}

// NewOutput returns an Output.
func NewOutput(opts OutputOptions) *Output {
	o := &Output{file: opts.File, keep: opts.Keep, followers: make(map[*Follower]struct{})}
	if o.keep == 0 {
		o.keep = DefaultKeep
	}
	return o
}

// Write passes lines on. It does not keep the slice. Followers never hold it up;
// the file may, as long as the disk takes, and the program that prints with it:
// a log with holes would be worse.
func (o *Output) Write(lines []Line) {
	if o == nil || len(lines) == 0 {
		return
	}
	o.mu.Lock()
	for _, l := range lines {
		o.ring.add(l, o.keep)
		for f := range o.followers {
			f.offer(l)
		}
	}
	o.mu.Unlock()
	if o.file != nil {
		o.file.WriteLines(lines)
	}
}

// Tail returns the remembered lines, oldest first.
func (o *Output) Tail() []Line {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ring.lines()
}

// Follow returns a Follower that first gets the remembered lines and then those
// that come, with no gap between. It must be closed. After Close of the Output it
// gets the remembered lines only.
func (o *Output) Follow() *Follower {
	o.mu.Lock()
	defer o.mu.Unlock()
	past := o.ring.lines()
	f := &Follower{from: o, lines: make(chan Line, len(past)+followQueue)}
	for _, l := range past {
		f.lines <- l
	}
	if o.closed {
		f.closed = true
		close(f.lines)
		return f
	}
	o.followers[f] = struct{}{}
	return f
}

// Close ends all followers. Lines that come later are remembered and written to
// the file, but followed by nobody.
func (o *Output) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for f := range o.followers {
		f.endLocked()
	}
}
