package process

import (
	"os"
	"syscall"
)

func guardAttr() *syscall.SysProcAttr { return nil }
func guardSignals()                   {}
func ownProgram() (string, error)     { return os.Executable() }
