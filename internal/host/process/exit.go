package process

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// ExitStatus says how a process ended. The zero value means that it has not
// ended yet.
type ExitStatus struct {
	// Code is the exit code; -1 when a signal ended the process.
	Code int
	// Signal ended the process; zero when it exited by itself. Always zero on
	// Windows, where a kill shows as exit code 1.
	Signal syscall.Signal
	// At is when the end was seen.
	At time.Time
	// Requested is true when Stop or Kill had been called before.
	Requested bool
}

// Clean reports an exit with code 0.
func (e ExitStatus) Clean() bool { return !e.At.IsZero() && e.Code == 0 && e.Signal == 0 }

// String puts the status in words for logs and failure pages.
func (e ExitStatus) String() string {
	switch {
	case e.At.IsZero():
		return "still running"
	case e.Signal == 0:
		return fmt.Sprintf("exit code %d", e.Code)
	case e.Signal == syscall.SIGKILL && !e.Requested:
		return "killed by signal 9 (killed), which the host did not send: often the out-of-memory killer"
	}
	return fmt.Sprintf("killed by signal %d (%s)", int(e.Signal), e.Signal)
}

// ending notes the moment at which the end is seen, and whether it was asked for.
func (p *Process) ending() ExitStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ExitStatus{Code: -1, At: time.Now(), Requested: p.requested}
}

// with adds what the system says of the end.
func (e ExitStatus) with(st *os.ProcessState) ExitStatus {
	if st == nil {
		return e
	}
	e.Code = st.ExitCode()
	if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.Signal = ws.Signal()
	}
	return e
}
