package fasthttp

import (
	"testing"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/server/servertest"
	"github.com/valyala/fasthttp"
)

func TestServerKeepsTheContract(t *testing.T) {
	// The first header section starts fasthttp's clock: one goroutine per process that never ends, so no leak of a server.
	new(fasthttp.Response).Header.AppendBytes(nil)
	servertest.Run(t, func() server.Server { return New() })
}
