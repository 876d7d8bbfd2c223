package process

import "time"

// Stats is what a tree uses of the machine at one moment.
type Stats struct {
	// Processes is the number of living processes.
	Processes int
	// CPU is the time spent by them and by children they have waited for.
	CPU time.Duration
	// RSS is the sum of their resident memory in bytes. Pages that several of them
	// share count each time, so it is an upper bound.
	RSS int64
}

// Stats reads the usage of the tree; zero after the end, and on systems without
// /proc.
func (p *Process) Stats() Stats {
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if p.reaped {
		return Stats{}
	}
	return p.tree.stats()
}
