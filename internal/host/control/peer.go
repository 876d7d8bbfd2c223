package control

import (
	"context"
	"log/slog"
	"net"
)

// peer is the process at the other end of a connection.
type peer struct {
	known  bool // false where the system does not tell
	uid    int
	pid    int
	groups []int
}

type peerKey struct{}

// withPeer is http.Server.ConnContext.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	c, ok := conn.(*limitedConn)
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, c.peer)
}

func peerOf(ctx context.Context) (peer, bool) {
	p, ok := ctx.Value(peerKey{}).(peer)
	return p, ok
}

// LogValue names the peer in a log.
func (p peer) LogValue() slog.Value {
	if !p.known {
		return slog.StringValue("unknown")
	}
	return slog.GroupValue(slog.Int("uid", p.uid), slog.Int("pid", p.pid))
}
