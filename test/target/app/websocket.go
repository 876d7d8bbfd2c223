package app

import (
	"context"
	"io"
	"net/http"

	"github.com/coder/websocket"
	"github.com/lannerhq/lanner/server"
)

// maxMessage is the largest WebSocket message that is echoed, in bytes.
const maxMessage = 16 << 20

// webSocket echoes messages, through http.Hijacker as any library does.
func webSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxMessage)
	for echoMessage(r.Context(), conn) == nil {
	}
}

// echoMessage sends one message back as it comes. Its error is the end of the connection, which has been told to the peer.
func echoMessage(ctx context.Context, conn *websocket.Conn) error {
	kind, in, err := conn.Reader(ctx)
	if err != nil {
		return err
	}
	out, err := conn.Writer(ctx, kind)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

var webSocketApplication = server.HTTP(http.HandlerFunc(webSocket))

func webSocketNative(c *server.Context) error { return webSocketApplication.Process(c.Features()) }
