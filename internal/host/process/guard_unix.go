//go:build unix

package process

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// guardAttr puts the guard into a session of its own, so that Ctrl-C and the end
// of the terminal do not reach it.
func guardAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// guardSignals makes the guard deaf to what stops the host: a service manager
// sends SIGTERM to both, and the guard must be there until the host is gone.
func guardSignals() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
}

// ownProgram names the running program. Linux has a name for it that stays true
// when the file has been replaced, so that host and guard are the same version.
func ownProgram() (string, error) {
	if runtime.GOOS == "linux" {
		if _, err := os.Stat("/proc/self/exe"); err == nil {
			return "/proc/self/exe", nil
		}
	}
	return os.Executable()
}
