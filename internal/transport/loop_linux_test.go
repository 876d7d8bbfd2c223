package transport

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long something may take that takes no time. What has not come by then never comes.
const patience = 10 * time.Second

// ready is an owner of one connection. Its Ready runs a function, says that it was told, and then does what that returned:
// what comes afterwards is told again.
type ready struct {
	link Inline
	stop func() // the loop
	told chan Why
	run  func(link Inline) func(Inline)
}

func (o *ready) Ready(why Why) {
	then := o.run(o.link)
	o.told <- why
	then(o.link)
}

// onLoop listens on a loop of its own, which is stopped when the test ends, or earlier. The owners close their connections
// when they have read the end.
func onLoop(t *testing.T, shards int, accepted func(Inline) Events) (dial func() *net.TCPConn, stop func()) {
	t.Helper()
	return onLoopDeferred(t, false, shards, accepted)
}

func onLoopDeferred(t *testing.T, deferred bool, shards int, accepted func(Inline) Events) (dial func() *net.TCPConn, stop func()) {
	t.Helper()
	h := NewHeartbeat(nil)
	t.Cleanup(h.Stop)
	loop, err := NewLoop(shards, h, Reasons{ReadRate: readRate, WriteRate: writeRate})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		l.Close()
		for c := range loop.table.all() {
			c.Sever()
		}
		waitUntil(t, "all connections are closed when their peers have gone", func() bool { return liveOn(loop) == 0 })
		loop.Stop()
	})
	t.Cleanup(stop)
	if _, err := loop.Listen(l, deferred, accepted, nil); err != nil {
		t.Fatal(err)
	}
	dial = func() *net.TCPConn {
		t.Helper()
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { nc.Close() })
		return nc.(*net.TCPConn)
	}
	return dial, stop
}

func liveOn(l *Loop) (n int64) {
	for _, s := range l.shards {
		n += s.live.Load()
	}
	return n
}

// serveOne puts one connection on a loop of one shard. Both ends have little room.
func serveOne(t *testing.T, run func(Inline) func(Inline)) (*ready, *net.TCPConn) {
	t.Helper()
	owners := make(chan *ready, 1)
	dial, stop := onLoop(t, 1, func(link Inline) Events {
		narrow(t, link)
		o := &ready{link: link, told: make(chan Why, 1000), run: run}
		owners <- o
		return o
	})
	nc := dial()
	nc.SetReadBuffer(16 << 10)
	o := <-owners
	o.stop = stop
	return o, nc
}

// narrow gives the socket little room to write.
func narrow(t *testing.T, link Inline) {
	raw, _ := link.SyscallConn()
	if err := raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 16<<10) }); err != nil {
		t.Error(err)
	}
}

// want waits until the owner is told why.
func (o *ready) want(t *testing.T, because string, why Why) {
	t.Helper()
	select {
	case got := <-o.told:
		if got != why {
			t.Fatalf("Ready(%d), want %s: Ready(%d)", got, because, why)
		}
	case <-time.After(patience):
		t.Fatalf("no Ready, want %s: Ready(%d)", because, why)
	}
}

// fill writes until the socket is full, and returns how many bytes it took.
func fill(t *testing.T, link Inline) int {
	t.Helper()
	piece := make([]byte, 40<<10)
	for total := 0; ; {
		n, err := link.TryWrite(piece)
		if err != nil {
			t.Fatalf("TryWrite of a connection that is open: %v", err)
		}
		if total += n; n < len(piece) {
			return total
		}
	}
}

func readN(t *testing.T, nc net.Conn, n int) {
	t.Helper()
	if _, err := io.CopyN(io.Discard, nc, int64(n)); err != nil {
		t.Fatalf("reading what was written: %v", err)
	}
}

// readByte takes what there is and waits for more.
func readByte(link Inline) func(Inline) {
	if _, err := link.TryRead(make([]byte, 100)); err != nil {
		return Inline.Close
	}
	return Inline.Attach
}

// wantNoSpin sends bytes one at a time: if the owner were told of anything else, that would come between them.
func wantNoSpin(t *testing.T, o *ready, nc net.Conn) {
	t.Helper()
	wantSilence(t, o.link)
	for range 20 {
		nc.Write([]byte("x"))
		o.want(t, "nothing but the byte that was sent", Readable)
	}
	wantSilence(t, o.link)
}

// wantSilence wants epoll to have nothing for the loop, which would turn on that.
func wantSilence(t *testing.T, link Inline) {
	t.Helper()
	var events [4]unix.EpollEvent
	waitUntil(t, "no event keeps the loop spinning", func() bool {
		n, _ := unix.EpollWait(link.(*EventConn).shard.epfd, events[:], 0)
		return n == 0
	})
}

// waitUntil waits for what happens on another goroutine and cannot be waited for.
func waitUntil(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !happened(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("not seen: %s", what)
		}
	}
}

func TestADeferredConnectionIsAcceptedWithItsFirstBytesAndAlsoWithout(t *testing.T) {
	owners := make(chan *ready, 2)
	dial, _ := onLoopDeferred(t, true, 1, func(link Inline) Events {
		o := &ready{link: link, told: make(chan Why, 100), run: readByte}
		owners <- o
		return o
	})
	silent, speaks := dial(), dial()
	speaks.Write([]byte("x"))
	for _, nc := range []net.Conn{speaks, silent} { // the kernel asks the silent one once more before it hands it over
		o := <-owners
		if got, want := o.link.RemoteAddr().String(), nc.LocalAddr().String(); got != want {
			t.Errorf("%s is accepted, want %s: who speaks comes first", got, want)
		}
		nc.Write([]byte("y"))
		o.want(t, "its bytes", Readable)
		nc.Close()
	}
}
