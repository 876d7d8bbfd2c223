package handover

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestAMessageThatFoundNoRoomLeavesTheChannelUsable(t *testing.T) {
	noDescriptorLeaks(t)
	host, raw := rawPair(t, Host)
	host.SetWriteTimeout(20 * time.Millisecond)
	if err := host.sock.conn.SetWriteBuffer(4096); err != nil {
		t.Fatal(err)
	}
	var err error
	sent := 0
	for ; err == nil; sent++ {
		err = host.Send(&Ping{Seq: 7})
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want the deadline", err)
	}
	size := len(frameOf(Current, KindPing, 0, `{"seq":7}`))
	buf := make([]byte, size*sent)
	n, err := raw.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if n%size != 0 {
		t.Fatalf("the kernel took %d bytes of frames of %d, want whole frames: it takes a small write whole or not at all", n, size)
	}
	send(t, host, &Ping{Seq: 8})
}
