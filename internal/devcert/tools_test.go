package devcert

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// lookTool finds a program that nobody here wrote. Without it that part of a test is left out, unless LANNER_REQUIRE_PEERS is set.
func lookTool(t *testing.T, name string) (string, bool) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path, true
	}
	if os.Getenv("LANNER_REQUIRE_PEERS") != "" {
		t.Fatalf("%s is not here; \"sh scripts/peers\" installs it", name)
	}
	t.Logf("%s is not here: not tried with it", name)
	return "", false
}

func unixTime(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
