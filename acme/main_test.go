package acme

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(holderFolder); path != "" {
		hold(path)
	}
	goleak.VerifyTestMain(m)
}
