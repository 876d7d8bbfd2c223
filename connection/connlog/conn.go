package connlog

import (
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/lannerhq/lanner/connection"
)

// logged is a connection whose bytes are logged. CloseWrite and deadlines are those of the connection below.
type logged struct {
	*connection.Conn
	log               *slog.Logger
	size              int
	received, written atomic.Int64
}

// Read logs what came, and why nothing did.
func (l *logged) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.bytes(eventReceived, &l.received, p[:n])
	if err != nil {
		l.failed(eventReceived, err)
	}
	return n, err
}

// Write logs what was sent, and what it was not.
func (l *logged) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	l.bytes(eventSent, &l.written, p[:n])
	if err != nil {
		l.failed(eventSent, err)
	}
	return n, err
}

// bytes logs p in pieces. total is how many bytes went this way before.
func (l *logged) bytes(event string, total *atomic.Int64, p []byte) {
	offset := total.Add(int64(len(p))) - int64(len(p))
	for len(p) > 0 {
		n := min(len(p), l.size)
		l.line(event, offset, p[:n])
		p, offset = p[n:], offset+int64(n)
	}
}

// hexOf is p as "47 45 54".
func hexOf(p []byte) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	b.Grow(3 * len(p))
	for i, c := range p {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&0xf])
	}
	return b.String()
}

// textOf is p as text, with a dot for every byte that is none of ASCII's printable ones.
func textOf(p []byte) string {
	var b strings.Builder
	b.Grow(len(p))
	for _, c := range p {
		if c < ' ' || c > '~' {
			c = '.'
		}
		b.WriteByte(c)
	}
	return b.String()
}
