package kestrel

import (
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the program that systemd starts, see TestSystemdPassesItsSockets.
func TestMain(m *testing.M) {
	if os.Getenv("LISTEN_FDS") != "" {
		os.Exit(answerOnce())
	}
	goleak.VerifyTestMain(m)
}

// reexec is this test binary as another program.
func reexec() *exec.Cmd { return exec.Command(os.Args[0]) }
