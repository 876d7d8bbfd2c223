package connlog

import (
	"context"
	"log/slog"
	"net"
)

// The events of this package, all at Debug.
const (
	eventOpened = "connection opened" // keys: connection, local, remote
	// Bytes that came from the client, or went to it. Keys: connection, offset (of the first, in this direction), bytes (how
	// many), hex, text.
	eventReceived = "received"
	eventSent     = "sent"
	// A read or write failed; the end of what the client sends is error=EOF. Keys: connection, while, error.
	eventFailed = "connection failed"
	eventClosed = "connection closed" // keys: connection, received, sent (in bytes)
)

func (l *logged) opened() {
	l.log.Debug(eventOpened, "local", text(l.LocalAddr()), "remote", text(l.RemoteAddr()))
}

func (l *logged) line(event string, offset int64, p []byte) {
	l.log.LogAttrs(context.Background(), slog.LevelDebug, event, slog.Int64("offset", offset), slog.Int("bytes", len(p)),
		slog.String("hex", hexOf(p)), slog.String("text", textOf(p)))
}

func (l *logged) failed(while string, err error) {
	l.log.Debug(eventFailed, "while", while, "error", err)
}

func (l *logged) closed() {
	l.log.Debug(eventClosed, "received", l.received.Load(), "sent", l.written.Load())
}

func text(addr net.Addr) string {
	if addr == nil {
		return ""
	}
	return addr.String()
}
