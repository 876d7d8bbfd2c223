package main

import (
	"os"
	"syscall"
)

// stopSignals ask for the end of the program.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// runSignals are what "lanner run" hears.
func runSignals() []os.Signal { return stopSignals }

// noSignal is never sent: the commands of lanner do here what signals do elsewhere.
type noSignal string

func (s noSignal) String() string { return string(s) }
func (noSignal) Signal()          {}

var (
	reloadSignal  os.Signal = noSignal("reload")
	reopenSignal  os.Signal = noSignal("reopen")
	upgradeSignal os.Signal = noSignal("upgrade")
	uselessSignal os.Signal = noSignal("useless")
)

// hostSignals are all that "lanner host" hears.
var hostSignals = stopSignals
