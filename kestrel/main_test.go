package kestrel

import (
	"fmt"
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
	os.Exit(onBoth(m))
}

// onBoth runs all tests on the event loop, where there is one, and then on the portable transport.
func onBoth(m *testing.M) int {
	code := m.Run()
	if code == 0 {
		fmt.Println("once more on the portable transport")
		os.Setenv(TransportVariable, "portable")
		code = m.Run()
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	return code
}

// reexec is this test binary as another program.
func reexec() *exec.Cmd { return exec.Command(os.Args[0]) }
