package forwarder

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	before := openDescriptors()
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "a goroutine outlived its owner:", err)
		code = 1
	}
	if after := openDescriptors(); code == 0 && after > before+descriptorsOfTheRuntime {
		fmt.Fprintf(os.Stderr, "%d descriptors were open before the tests, %d after: a connection was not closed\n", before, after)
		code = 1
	}
	os.Exit(code)
}

// descriptorsOfTheRuntime is what the runtime opens once and keeps: its poller, the event it wakes it with, and the pipes of
// splice(2).
const descriptorsOfTheRuntime = 8

// openDescriptors counts this process's descriptors; 0 where that is not known.
func openDescriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
