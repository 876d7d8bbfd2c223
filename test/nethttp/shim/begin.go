package shim

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// SkipVariable names the environment variable whose value is a file: a JSON object of the tests that cannot apply and why.
const SkipVariable = "LANNER_NETHTTP_SKIP"

// AttrConnections is an attribute that a test is given (testing.T.Attr): how many connections it had to Kestrel.
const AttrConnections = "connections"

// patience is how long one test may take. The program then ends with all stacks, and the suite goes on with the next test.
const patience = time.Minute

var skips = sync.OnceValues(func() (reasons map[string]string, err error) {
	b, err := os.ReadFile(os.Getenv(SkipVariable))
	if err != nil {
		return nil, fmt.Errorf("cannot read the table of skipped tests, named by %s: %w", SkipVariable, err)
	}
	return reasons, json.Unmarshal(b, &reasons)
})

// Begin comes first in every test of the suite: it skips what cannot apply, and counts its connections.
func Begin(t *testing.T) {
	t.Helper()
	reasons, err := skips()
	if err != nil {
		t.Fatal(err)
	}
	if why, ok := reasons[t.Name()]; ok {
		t.Skip(why)
	}
	mu.Lock()
	accepted = 0
	mu.Unlock()
	hanging := time.AfterFunc(patience, func() { panic(t.Name() + " hangs") })
	t.Cleanup(func() {
		hanging.Stop()
		mu.Lock()
		n := accepted
		mu.Unlock()
		t.Attr(AttrConnections, strconv.Itoa(n))
		end()
	})
}

// Mode comes first in every subtest for a protocol (the run function of clientserver_test.go).
func Mode(t testing.TB, mode string) {
	t.Helper()
	if mode != "h1" {
		t.Skip("Kestrel does not speak " + mode + " here")
	}
}

// end stops the servers that a test left running, as many of Go's do.
func end() {
	mu.Lock()
	left := runs
	runs = nil
	mu.Unlock()
	now, cancel := context.WithCancel(context.Background())
	cancel()
	for _, r := range left {
		if !r.bubble { // from outside it cannot be stopped, and need not be: the bubble waited for its end
			_ = r.kestrel.Stop(now)
		}
	}
}
