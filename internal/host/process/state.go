package process

import "fmt"

// State says where a process is in its life. It only moves forward:
//
//	Running ──Stop, Kill──▶ Stopping ──exit──▶ Exited
//	   └──────────exit on its own──────────────▶
//
// Whether a program is ready to serve is not a process state: that is decided by
// whoever speaks its protocol.
type State int

// The states of a process.
const (
	Running  State = iota + 1 // started, nobody asked it to end
	Stopping                  // asked to end, still there
	Exited                    // ended, reaped, its output read to the end
)

func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Stopping:
		return "stopping"
	case Exited:
		return "exited"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// transition moves the process to a later state and reports whether it moved.
// A move to the same or an earlier state is ignored: Stop and Kill may be called
// by several owners at once, and exit may overtake both.
func (p *Process) transition(to State) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to <= p.state {
		return false
	}
	p.state = to
	return true
}

// State returns the present state.
func (p *Process) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}
