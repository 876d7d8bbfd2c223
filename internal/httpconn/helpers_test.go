package httpconn

import (
	"log/slog"
	"net"

	"github.com/lannerhq/lanner/internal/memnet"
)

var discard = slog.New(slog.DiscardHandler)

// pipe is a connection in memory outside of a bubble.
func pipe() (near, far net.Conn) {
	a, b := memnet.Pipe(1 << 16)
	return a, b
}
