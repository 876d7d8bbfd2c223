//go:build unix

package handover

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair returns both ends of a channel in this process.
func pair(t testing.TB) (host, worker *Channel) {
	t.Helper()
	host, file, err := Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	worker, err = Open(file, Worker)
	if err != nil {
		host.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close(); worker.Close() })
	return host, worker
}

// greetedPair is a pair whose worker has received HELLO.
func greetedPair(t testing.TB) (host, worker *Channel) {
	t.Helper()
	host, worker = pair(t)
	send(t, host, &Hello{})
	receive[*Hello](t, worker)
	return host, worker
}

// rawPair returns one end of a channel and the bare socket at its other end.
func rawPair(t testing.TB, side Side) (*Channel, *os.File) {
	t.Helper()
	ends, err := unixPair()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(os.NewFile(uintptr(ends[0]), "end under test"), side)
	if err != nil {
		t.Fatal(err)
	}
	raw := os.NewFile(uintptr(ends[1]), "bare end")
	t.Cleanup(func() { c.Close(); raw.Close() })
	return c, raw
}

func send(t testing.TB, c *Channel, m Message) {
	t.Helper()
	if err := c.Send(m); err != nil {
		t.Fatal(err)
	}
}

func receive[M Message](t testing.TB, c *Channel) M {
	t.Helper()
	m, err := c.Receive()
	if err != nil {
		t.Fatal(err)
	}
	got, ok := m.(M)
	if !ok {
		t.Fatalf("received %s, want a %T", m.Kind(), got)
	}
	return got
}

// write puts bytes on a bare socket, with descriptors at the first byte.
func write(t testing.TB, raw *os.File, p []byte, fds ...int) {
	t.Helper()
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if _, err := unix.SendmsgN(int(raw.Fd()), p, oob, nil, unix.MSG_NOSIGNAL); err != nil {
		t.Fatal(err)
	}
}

// frameOf returns a frame with the given header fields and a payload.
func frameOf(v Version, k Kind, flags byte, payload string) []byte {
	b := header{version: v, kind: k, flags: flags}.append(nil)
	b = append(b, payload...)
	putLength(b, len(payload))
	return b
}

// tcpPair returns both ends of a loopback TCP connection.
func tcpPair(t testing.TB) (client, accepted net.Conn) {
	t.Helper()
	l := listen(t)
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	client.SetDeadline(deadline)
	accepted.SetDeadline(deadline)
	l.Close()
	t.Cleanup(func() { client.Close(); accepted.Close() })
	return client, accepted
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func borrow(t testing.TB, v any) *Descriptor {
	t.Helper()
	d, err := Borrow(v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// noDescriptorLeaks fails the test if it ends with more descriptors than it
// has now. Call it first, so that it looks after all other clean-up.
func noDescriptorLeaks(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	before := openDescriptors(t)
	t.Cleanup(func() {
		if after := openDescriptors(t); len(after) > len(before) {
			t.Errorf("descriptors leaked: %d were open before and %d are now:\n%s", len(before), len(after), strings.Join(after, "\n"))
		}
	})
}

func openDescriptors(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open = append(open, e.Name()+" "+target)
		}
	}
	return open
}

func wantClosed(t *testing.T, why string, err error) {
	t.Helper()
	if !errors.Is(err, ErrClosed) {
		t.Errorf("%s: got %v, want ErrClosed", why, err)
	}
}

func wantText(t *testing.T, why string, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatalf("%s: %v", why, err)
	}
	if string(got) != want {
		t.Errorf("%s: read %q, want %q", why, got, want)
	}
}
