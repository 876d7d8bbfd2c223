//go:build unix

package process

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the programs that the tests start.
func TestMain(m *testing.M) {
	RunGuard()
	if name := os.Getenv(programVariable); name != "" {
		runProgram(name, os.Args[1:])
		return
	}
	goleak.VerifyTestMain(m)
}
