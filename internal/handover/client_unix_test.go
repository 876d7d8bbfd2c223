//go:build unix

package handover

import (
	"io"
	"testing"
)

func TestAConnectionOfAnOlderVersionHasNoClientAndNoCredential(t *testing.T) {
	for minor, without := range map[uint8]int{0: len(noClient) + len(noCredential), 1: len(noCredential)} {
		older(t, minor, without)
	}
}

func older(t *testing.T, minor uint8, without int) {
	c, raw := rawPair(t, Worker)
	payload, err := (&Conn{ID: 1, LocalScheme: "http", Prefix: []byte("GET")}).appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	old := Version{Major: 1, Minor: minor}
	play(t, raw, []part{
		{frameOf(old, KindHello, 0, `{}`), 0},
		{frameOf(old, KindConn, flagDescriptor, string(payload[:len(payload)-without])), 1},
	})
	if _, err := c.Receive(); err != nil {
		t.Fatal(err)
	}
	m, err := c.Receive()
	if err != nil {
		t.Fatal(err)
	}
	defer Discard(m)
	if conn, ok := m.(*Conn); !ok || conn.Client != nil || conn.Credential != 0 || string(conn.Prefix) != "GET" {
		t.Errorf("1.%d: got %+v, want the connection without a client and a credential", minor, m)
	}
}

func TestAPairIsOneConnection(t *testing.T) {
	noDescriptorLeaks(t)
	here, there, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	handed, err := there.Conn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := here.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(handed, buf); err != nil || string(buf) != "hello" {
		t.Errorf("read %q, %v", buf, err)
	}
	handed.Close()
	if _, err := here.Read(buf); err != io.EOF {
		t.Errorf("after the other end was closed: %v, want the end", err)
	}
}
