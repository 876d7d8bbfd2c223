package nethttp

import (
	"testing"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/server/servertest"
)

func TestServerKeepsTheContract(t *testing.T) {
	servertest.Run(t, func() server.Server { return New() })
}
