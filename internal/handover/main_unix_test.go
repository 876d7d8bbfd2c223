//go:build unix

package handover

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// workerRole, in the environment of this test binary, turns it into a worker
// process that plays the role.
const workerRole = "HANDOVER_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(workerRole); role != "" {
		playWorker(role)
		return
	}
	goleak.VerifyTestMain(m)
}
