package module

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/lannerhq/lanner/internal/host/process"
)

// Reason says why a child did not start.
type Reason string

// The reasons.
const (
	ReasonConfig   Reason = "configuration" // settings that cannot be used; a second attempt would fail alike
	ReasonPort     Reason = "no port"       // no free port was found
	ReasonExec     Reason = "not executed"  // the system refused to execute the program
	ReasonExited   Reason = "exited"        // the program ended before it listened
	ReasonForeign  Reason = "port taken"    // a process outside of the child's tree owns the port
	ReasonTimeout  Reason = "timed out"     // nothing listened within the start time limit
	ReasonProbe    Reason = "not healthy"   // it listened, but the health check gave no good answer in time
	ReasonCanceled Reason = "canceled"      // the caller gave up
)

// StartError says why a child did not start. It is the module's 502.5, event
// 1020.
type StartError struct {
	Reason   Reason
	Attempts int // how many were made
	Port     int // of the last attempt; 0 before there was one
	// Exit of the program, if it had ended.
	Exit process.ExitStatus
	// Owner is the process that owns the port, for ReasonForeign; 0 if it cannot be
	// seen from here.
	Owner int
	// Listening lists where the child does listen, for ReasonTimeout.
	Listening []netip.AddrPort
	// Output is the last the child has printed, for the start-failure page; the
	// token is made unreadable.
	Output string
	Err    error
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Error says what happened and what to do about it. Of the output only the last
// line is in it.
func (e *StartError) Error() string {
	var b strings.Builder
	switch e.Reason {
	case ReasonExited:
		fmt.Fprintf(&b, "the program ended (%v) before it listened on port %d", e.Exit, e.Port)
	case ReasonForeign:
		fmt.Fprintf(&b, "port %d is owned by %s, which the program did not start", e.Port, ownerName(e.Owner))
	case ReasonTimeout:
		fmt.Fprintf(&b, "the program did not listen on 127.0.0.1:%d within its start time limit; %s", e.Port, e.listening())
	default:
		fmt.Fprintf(&b, "the program was not started (%s)", e.Reason)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if last := lastLine(e.Output); last != "" && e.Reason != ReasonCanceled {
		fmt.Fprintf(&b, "; its last words: %s", last)
	}
	return b.String()
}

func (e *StartError) listening() string {
	if len(e.Listening) == 0 {
		return "it listens nowhere: make it listen on the port in the environment variable PORT"
	}
	var where []string
	for _, a := range e.Listening {
		where = append(where, a.String())
	}
	hint := "make it take the port from the environment variable PORT"
	for _, a := range e.Listening {
		if int(a.Port()) == e.Port {
			hint = "the port is right, but the host connects to 127.0.0.1: make it listen there"
		}
	}
	return fmt.Sprintf("it listens on %s: %s", strings.Join(where, ", "), hint)
}

func ownerName(pid int) string {
	if pid == 0 {
		return "a process of another user"
	}
	return fmt.Sprintf("process %d", pid)
}

// lastLine returns the last line that is not empty, shortened to a log's width.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	s = s[strings.LastIndexByte(s, '\n')+1:]
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "..."
	}
	return s
}

// LogValue gives the event 1020 its attributes.
func (e *StartError) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("id", IDStartFailure), slog.String("reason", string(e.Reason)), slog.Int("attempts", e.Attempts),
		slog.Int("port", e.Port), slog.String("error", e.Error()), slog.String("output", e.Output),
	)
}

// outputOf returns the tail of the process as text, without the token.
func outputOf(p *process.Process, token Token) string {
	var b strings.Builder
	for _, l := range p.Tail() {
		b.WriteString(l.Text)
		if !l.Partial {
			b.WriteByte('\n')
		}
	}
	if token.IsZero() {
		return b.String()
	}
	return strings.ReplaceAll(b.String(), token.Reveal(), tokenRedacted)
}
