//go:build linux

package httpconn

import (
	"io"
	"net"
	"testing"
	"time"
)

func TestAConnectionBeyondTheLimitIsAnsweredOnTheLoop(t *testing.T) {
	m, dial := serveOnLoop(t, Config{MaxConnections: 1, Full: FullReply}, hello)
	one := dial()
	io.WriteString(one, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	wantStatus(t, "an answer", one, 200)
	for range 3 {
		c := dial()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		wantStatus(t, "no place", c, 503)
		c.Close()
	}
	if got := m.Stats(); got.Rejected != 3 || got.Open != 1 {
		t.Errorf("%+v, want three rejected and one open", got)
	}
}

func TestConnectionsWaitForAPlaceOnTheLoop(t *testing.T) {
	m, dial := serveOnLoop(t, Config{MaxConnections: 1, Full: FullWait}, hello)
	var all []net.Conn
	for range 3 {
		c := dial()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		all = append(all, c)
	}
	for i, c := range all {
		wantStatus(t, "an answer, in the order of the connections", c, 200)
		if n := m.Stats().Open; n != 1 {
			t.Errorf("%d are open with connection %d, want 1", n, i)
		}
		c.Close()
	}
}

func TestAWaitingConnectionEndsAtItsAgeOnTheLoop(t *testing.T) {
	_, dial := serveOnLoop(t, Config{MaxAge: 10 * time.Millisecond}, hello)
	c := dial()
	if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
		t.Errorf("%q, %v, want the end at the first or second beat", b, err)
	}
}
