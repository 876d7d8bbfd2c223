package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestAFullSocketIsToldWritableOnceWhenItsPeerReads(t *testing.T) {
	o, nc := serveOne(t, readByte)
	for round := range 5 {
		n := fill(t, o.link)
		o.link.NotifyWritable()
		o.link.NotifyWritable() // is the same wish
		readN(t, nc, n)
		o.want(t, "what was asked for", Writable)
		if n, err := o.link.TryWrite([]byte("ab")); n != 2 || err != nil {
			t.Fatalf("round %d: TryWrite: %d, %v, want room for two bytes after Writable", round, n, err)
		}
		readN(t, nc, 2)
		wantNoSpin(t, o, nc)
	}
}

func TestASocketWithRoomIsToldWritableOnceForEachWish(t *testing.T) {
	o, nc := serveOne(t, readByte)
	for range 100 {
		o.link.NotifyWritable()
		o.want(t, "what was asked for", Writable)
	}
	wantNoSpin(t, o, nc)
}

func TestAWishOfAConnectionThatRunsIsToldAfterAttach(t *testing.T) {
	filled := make(chan int, 1)
	asked := false
	o, nc := serveOne(t, func(link Inline) func(Inline) {
		if !asked {
			asked = true
			filled <- fill(t, link)
			link.NotifyWritable()
		}
		return readByte(link)
	})
	nc.Write([]byte("x"))
	o.want(t, "the byte", Readable)
	readN(t, nc, <-filled)
	o.want(t, "what was asked for", Writable)
	wantNoSpin(t, o, nc)
}

// What there is to read besides is told by itself after Writable, though nobody read on it.
func TestBytesThatComeWithRoomAreToldAfterIt(t *testing.T) {
	release := make(chan int)
	n := 0
	o, nc := serveOne(t, func(link Inline) func(Inline) {
		switch n++; n {
		case 1:
			link.Leave()
			return func(link Inline) {
				<-release
				link.NotifyWritable()
				link.Attach() // to both at once
			}
		case 2:
			return Inline.Attach
		}
		return readByte(link)
	})
	nc.Write([]byte("x"))
	o.want(t, "the byte", Readable)
	release <- 0
	o.want(t, "what was asked for", Writable)
	o.want(t, "the byte that nobody has read", Readable)
	wantNoSpin(t, o, nc)
}

// left makes an owner that gives a turn in which it reads the byte L to the test.
func left(t *testing.T) (o *ready, nc *net.TCPConn, gone chan Inline) {
	gone = make(chan Inline, 1)
	o, nc = serveOne(t, func(link Inline) func(Inline) {
		b := make([]byte, 1)
		switch n, err := link.TryRead(b); {
		case err != nil:
			return Inline.Close
		case n == 1 && b[0] == 'L':
			link.Leave()
			return func(link Inline) { gone <- link } // the test attaches
		}
		return Inline.Attach
	})
	nc.Write([]byte("L"))
	o.want(t, "the byte", Readable)
	return o, nc, gone
}

func TestAWishOfAConnectionThatHasLeftIsToldAfterAttach(t *testing.T) {
	for _, before := range []bool{false, true} {
		o, nc, gone := left(t)
		link := <-gone
		c := link.(*EventConn)
		spent := func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.spent }
		if before { // by a byte which nobody reads until it is attached
			nc.Write([]byte("x"))
			waitUntil(t, "an event silences the registration", spent)
		}
		n := fill(t, link)
		link.NotifyWritable()
		readN(t, nc, n)
		waitUntil(t, "an event silences the registration", spent)
		wantSilence(t, link)
		if !link.Left() {
			t.Fatal("Left is false, want true between Leave and Attach")
		}
		if len(o.told) > 0 {
			t.Fatalf("Ready(%d) while the connection is run by another goroutine", <-o.told)
		}
		link.Attach()
		o.want(t, "what was asked for", Writable) // and reads the byte
		wantNoSpin(t, o, nc)
	}
}

func TestAWishDoesNotDisturbAGoroutineThatWaitsToRead(t *testing.T) {
	o, nc, gone := left(t)
	link := <-gone
	got := make(chan byte)
	go func() {
		b := make([]byte, 1)
		link.Read(b)
		got <- b[0]
	}()
	c := link.(*EventConn)
	waitUntil(t, "the reader waits", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.rare != nil && c.rare.in.wanted })
	link.NotifyWritable()
	nc.Write([]byte("y"))
	select {
	case b := <-got:
		if b != 'y' {
			t.Errorf("read %q, want the byte that was sent", b)
		}
	case <-time.After(patience):
		t.Fatal("the reader still waits, want the byte that was sent")
	}
	link.Attach()
	o.want(t, "what was asked for", Writable)
	wantNoSpin(t, o, nc)
}

func TestAWishEndsWhenTheConnectionIsClosed(t *testing.T) {
	o, nc := serveOne(t, readByte)
	n := fill(t, o.link)
	o.link.NotifyWritable()
	o.link.Close()
	if b, err := io.ReadAll(nc); err != nil || len(b) != n {
		t.Errorf("the peer reads %d bytes, %v, want all %d that were written, and the end", len(b), err, n)
	}
	o.link.NotifyWritable()
	if n, err := o.link.TryWrite([]byte("x")); n != 0 || err != net.ErrClosed {
		t.Errorf("TryWrite after Close: %d, %v, want %v", n, err, net.ErrClosed)
	}
	o.stop() // what would be told has been told
	if len(o.told) > 0 {
		t.Errorf("Ready(%d) after Close", <-o.told)
	}
	if o.link.(*EventConn).wish {
		t.Error("a closed connection has a wish")
	}
}

func TestTheEndOfAFullConnectionIsToldToWhoWaitsToWrite(t *testing.T) {
	for name, end := range map[string]func(*ready, *net.TCPConn){
		"reset":   func(_ *ready, nc *net.TCPConn) { nc.SetLinger(0); nc.Close() },
		"severed": func(o *ready, _ *net.TCPConn) { o.link.Sever() },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			o, nc := serveOne(t, func(link Inline) func(Inline) {
				if _, err := link.TryWrite([]byte("x")); err != nil {
					ended <- err
					return Inline.Close
				}
				return Inline.Attach
			})
			fill(t, o.link)
			o.link.NotifyWritable()
			end(o, nc)
			o.want(t, "the end ends the wait", Writable)
			select {
			case <-ended:
			case <-time.After(patience):
				t.Error("TryWrite goes on, want an error after the end")
			}
		})
	}
}

func TestTryWriteFailsAfterCutAsWritevDoes(t *testing.T) {
	o, _ := serveOne(t, readByte)
	o.link.Cut()
	_, err := o.link.TryWrite([]byte("x"))
	if other := o.link.Writev([]byte("x"), nil); err != net.ErrClosed || other != err {
		t.Errorf("after Cut TryWrite fails with %v, Writev with %v, want both to fail with %v", err, other, net.ErrClosed)
	}
}

// sink writes what it is given, in order, from any goroutine.
type sink struct {
	link Inline
	mu   sync.Mutex
	out  []byte
	full bool // NotifyWritable was called
}

// put adds p to what is to be written.
func (s *sink) put(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = append(s.out, p...)
}

// flush writes what the socket takes, and asks for more room.
func (s *sink) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flushLocked()
}

func (s *sink) flushLocked() error {
	if len(s.out) == 0 || s.full {
		return nil
	}
	n, err := s.link.TryWrite(s.out)
	s.out = s.out[n:]
	if len(s.out) > 0 && err == nil {
		s.full = true
		s.link.NotifyWritable()
	}
	return err
}

// writable is told when there is room again.
func (s *sink) writable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = false
	return s.flushLocked()
}

// echoer echoes what it reads, written by whichever goroutine comes.
type echoer struct {
	sink
	writers sync.WaitGroup // Ready's
}

func (e *echoer) Ready(why Why) {
	if why == Writable {
		e.writable()
	}
	buf := make([]byte, 8<<10)
	n, err := e.link.TryRead(buf)
	if err != nil {
		e.link.Leave()
		e.writers.Wait()
		e.link.Close()
		return
	}
	e.put(buf[:n])
	e.writers.Go(func() { e.flush() })
	e.link.Attach()
}

func TestWritersOnOtherGoroutinesKeepTheOrderWhileTheLoopReads(t *testing.T) {
	dial, stop := onLoop(t, 2, func(link Inline) Events {
		narrow(t, link)
		return &echoer{sink: sink{link: link}}
	})
	var clients sync.WaitGroup
	for seed := range uint64(6) {
		nc := dial()
		clients.Go(func() { streamBothWays(t, nc, seed, 1<<20) })
	}
	clients.Wait()
	stop()
}

// streamBothWays sends n bytes and wants them back in order.
func streamBothWays(t *testing.T, nc *net.TCPConn, seed uint64, n int) {
	want := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(want)
	want[0] = 0 // to a server that asks, the peer stays
	go func() {
		for rest := want; len(rest) > 0; {
			k := min(len(rest), 1+rand.N(30<<10))
			if _, err := nc.Write(rest[:k]); err != nil {
				return // shows in what comes back
			}
			rest = rest[k:]
			runtime.Gosched()
		}
	}()
	got := make([]byte, n)
	k, err := io.ReadFull(nc, got)
	if err != nil && errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the echo ended after %d of %d bytes", k, n)
	} else if err != nil {
		t.Errorf("after %d of %d bytes of the echo: %v", k, n, err)
	} else if !bytes.Equal(got, want) {
		t.Error("the echo differs from what was sent")
	}
	nc.Close()
}
