package process

import (
	"context"
	"log/slog"
	"time"
)

// Events of this package. Keys: process (name), pid, and those listed.
//
//	DEBUG process started      command (program only, arguments may hold secrets)
//	INFO  process exited       status, after (life time)
//	WARN  process outlived its kill  error: members of the tree survive SIGKILL
//	WARN  process output lost  stream, error: a pipe cannot be read any more
//	INFO  cgroups unavailable  error: trees are known by group, parent and tag only
//	WARN  guard restarted      error: what ended the guard
//	ERROR guard lost           error: the guard cannot be started again
const (
	eventStarted      = "process started"
	eventExited       = "process exited"
	eventOutlived     = "process outlived its kill"
	eventNoCgroups    = "cgroups unavailable"
	eventOutputLost   = "process output lost"
	eventGuardRestart = "guard restarted"
	eventGuardLost    = "guard lost"
)

func (p *Process) logStarted() {
	p.log().Debug(eventStarted, "command", p.path)
}

func (p *Process) logExited(e ExitStatus, life time.Duration) {
	p.log().Info(eventExited, "status", e.String(), "after", life.Round(time.Millisecond).String())
}

func (p *Process) logOutlived(err error) {
	p.log().Warn(eventOutlived, "error", err)
}

func (p *Process) log() *slog.Logger {
	return p.sup.log.With("process", p.name, "pid", p.PID())
}

func (s *Supervisor) logEvent(level slog.Level, event string, err error) {
	s.log.Log(context.Background(), level, event, "error", err)
}
