package transport

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// seizable is an owner whose function is called when the loop was taken from it.
type seizable struct {
	*ready
	seized func(Inline)
}

func (o *seizable) Seized() { o.seized(o.link) }

// serveSeizable is serveOne for an owner that is told of a seizure.
func serveSeizable(t *testing.T, run func(Inline) func(Inline), seized func(Inline)) (*ready, *net.TCPConn) {
	t.Helper()
	owners := make(chan *seizable, 1)
	dial, stop := onLoop(t, 1, func(link Inline) Events {
		o := &seizable{&ready{link: link, told: make(chan Why, 1000), run: run}, seized}
		owners <- o
		return o
	})
	nc := dial()
	o := <-owners
	o.stop = stop
	return o.ready, nc
}

func TestASeizedOwnerGoesOnOnAnotherGoroutineWhileTheOldOneStaysInReady(t *testing.T) {
	sits, release, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	stays := true
	o, nc := serveSeizable(t, func(link Inline) func(Inline) {
		if stays {
			stays = false
			return func(Inline) { // a request that takes long; Attach is the other's
				close(sits)
				<-release
				close(returned)
			}
		}
		if echoByte(link) != nil {
			return Inline.Close
		}
		return Inline.Attach
	}, func(link Inline) {
		once.Do(func() { // a later turn may be seized, too, when the machine is slow: it attaches by itself
			<-sits
			if !link.Left() {
				t.Error("Left is false, want true until somebody attaches")
			}
			echoByte(link)
			link.Attach()
		})
	})
	io.WriteString(nc, "a")
	o.want(t, "the first byte", Readable)
	wantEcho(t, "the byte that the other goroutine found", nc, 'a')
	for b := byte('b'); b <= 'z'; b++ {
		nc.Write([]byte{b})
		o.want(t, "a byte while the old goroutine stays in Ready", Readable)
		wantEcho(t, "the byte", nc, b)
	}
	close(release)
	<-returned
	nc.Write([]byte{'!'})
	wantEcho(t, "the byte after the old goroutine has returned", nc, '!')
}

// echoByte echoes the bytes that there are. Its error is that of reading.
func echoByte(link Inline) error {
	buf := make([]byte, 100)
	n, err := link.TryRead(buf)
	link.TryWrite(buf[:n])
	return err
}

func wantEcho(t *testing.T, what string, nc net.Conn, want byte) {
	t.Helper()
	b := make([]byte, 1)
	if _, err := io.ReadFull(nc, b); err != nil || b[0] != want {
		t.Fatalf("read %q, %v, want %s: %q", b, err, what, want)
	}
}

func TestAStaleSeizedFindsThatTheConnectionHasNotLeft(t *testing.T) {
	attached, closes := make(chan struct{}), make(chan struct{})
	leftThen := make(chan bool, 2)
	var seizures atomic.Int32
	o, nc := serveSeizable(t, func(link Inline) func(Inline) {
		buf := make([]byte, 1)
		if n, _ := link.TryRead(buf); n == 0 {
			return Inline.Close
		}
		if buf[0] != 's' {
			return Inline.Attach
		}
		return func(link Inline) {
			for seizures.Load() == 0 { // until the watchdog comes
				time.Sleep(time.Millisecond)
			}
			link.Attach()
			close(attached)
		}
	}, func(link Inline) {
		if seizures.Add(1) > 1 {
			return // the machine was slow in a later turn
		}
		<-attached
		leftThen <- link.Left()
		<-closes
		leftThen <- link.Left()
	})
	io.WriteString(nc, "s")
	o.want(t, "the byte", Readable)
	if <-leftThen {
		t.Error("Left is true although the connection was attached again")
	}
	o.link.Close()
	close(closes)
	if <-leftThen {
		t.Error("Left is true although the connection is closed")
	}
}

func TestStopWaitsForAnOwnerThatWasSeized(t *testing.T) {
	var seized sync.Once
	var ended atomic.Bool
	release := make(chan struct{})
	o, nc := serveSeizable(t, func(link Inline) func(Inline) {
		return func(link Inline) { <-release; link.Close() }
	}, func(link Inline) {
		seized.Do(func() {
			close(release)
			for !link.(*EventConn).shard.loop.stopped.Load() {
				time.Sleep(time.Millisecond)
			}
			ended.Store(true)
		})
	})
	io.WriteString(nc, "s")
	o.want(t, "the byte", Readable)
	<-release
	o.stop()
	if !ended.Load() {
		t.Error("Stop returned before Seized did")
	}
}
