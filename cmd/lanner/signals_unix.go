//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// stopSignals ask for the end of the program. SIGQUIT is not among them: Go answers it with a dump of all stacks.
var stopSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM}

// runSignals are passed on to the program by "lanner run". Under nohup a hangup ends neither.
func runSignals() []os.Signal {
	which := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		which = append(which, syscall.SIGHUP)
	}
	return which
}

// The signals of nginx that "lanner host" knows.
var (
	reloadSignal  os.Signal = syscall.SIGHUP
	reopenSignal  os.Signal = syscall.SIGUSR1
	upgradeSignal os.Signal = syscall.SIGUSR2
	// uselessSignal comes when nobody reads the log, and must not end the host. It is heard and forgotten: were it ignored,
	// workers would inherit that.
	uselessSignal os.Signal = syscall.SIGPIPE
)

// hostSignals are all that "lanner host" hears.
var hostSignals = append([]os.Signal{reloadSignal, reopenSignal, upgradeSignal, uselessSignal}, stopSignals...)
