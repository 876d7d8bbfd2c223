package transport

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// echoing is an owner that echoes what it reads, by run when it is a byte of its own.
type echoing struct {
	link Inline
	run  map[byte]func(*echoing)
	why  chan Why
}

func (o *echoing) Ready(why Why) {
	select {
	case o.why <- why:
	default:
	}
	var buf [16]byte
	n, err := o.link.TryRead(buf[:])
	if err != nil {
		o.link.Close()
		return
	}
	if n > 0 {
		if f := o.run[buf[0]]; f != nil {
			f(o)
		}
		o.link.Writev(buf[:n], nil)
	}
	o.link.Attach()
}

func deferring(t *testing.T, shards int, run map[byte]func(*echoing)) (dial func() *net.TCPConn, owners chan *echoing) {
	owners = make(chan *echoing, 1000)
	dial, _ = onLoopDeferred(t, true, shards, func(link Inline) Events {
		o := &echoing{link: link, run: run, why: make(chan Why, 100)}
		owners <- o
		return o
	})
	return dial, owners
}

// exchange wants what it sends to be echoed.
func exchange(t *testing.T, nc net.Conn, text string) {
	t.Helper()
	io.WriteString(nc, text)
	back := make([]byte, len(text))
	if _, err := io.ReadFull(nc, back); err != nil || string(back) != text {
		t.Errorf("%q, %v came back, want %q", back, err, text)
	}
}

func TestADeferredConnectionIsRunAtOnceAndThenByItsEvents(t *testing.T) {
	for _, shards := range []int{1, 2} {
		dial, owners := deferring(t, shards, nil)
		var all sync.WaitGroup
		for i := range 100 {
			nc := dial()
			all.Go(func() {
				for j := range 5 {
					exchange(t, nc, fmt.Sprintf("%d.%d", i, j))
				}
				nc.Close()
			})
		}
		all.Wait()
		if shards == 1 {
			if why := <-(<-owners).why; why != Fresh {
				t.Errorf("the first Ready says %d, want Fresh", why)
			}
		}
	}
}

func TestADeferredConnectionThatSaysNothingIsAccepted(t *testing.T) {
	dial, owners := deferring(t, 1, nil)
	nc := dial()
	o := <-owners // when the kernel has asked its client again
	exchange(t, nc, "late")
	nc.Close()
	if why := <-o.why; why != Fresh {
		t.Errorf("the first Ready says %d, want Fresh", why)
	}
}

func TestFreshConnectionsDoNotWaitForOneThatBlocks(t *testing.T) {
	release := make(chan bool)
	dial, _ := deferring(t, 1, map[byte]func(*echoing){'b': func(o *echoing) { o.link.Leave(); <-release }})
	blocked, others := dial(), make([]*net.TCPConn, 30)
	for i := range others {
		others[i] = dial()
	}
	io.WriteString(blocked, "b")
	for _, nc := range others {
		io.WriteString(nc, "x")
	}
	for _, nc := range others {
		if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
			t.Errorf("a connection that was accepted with one that blocks: %v", err)
		}
	}
	close(release)
	if _, err := io.ReadFull(blocked, make([]byte, 1)); err != nil {
		t.Errorf("the one that blocked: %v", err)
	}
	exchange(t, blocked, "y") // it is in epoll now
}

func TestAFreshConnectionCanBeWatchedWaitForBytesAndBeInterrupted(t *testing.T) {
	watching, left, got := make(chan bool), make(chan error, 1), make(chan string, 1)
	dial, _ := deferring(t, 1, map[byte]func(*echoing){
		'w': func(o *echoing) {
			told := make(chan bool)
			o.link.Watch(func(err error) { left <- err; close(told) })
			o.link.Leave()
			watching <- true
			<-told
		},
		'r': func(o *echoing) {
			var buf [4]byte
			n, _ := o.link.Read(buf[:]) // leaves the loop, and waits
			got <- string(buf[:n])
		},
		'i': func(o *echoing) { o.link.Interrupt() },
	})
	reads := dial()
	io.WriteString(reads, "r")
	watched := dial()
	io.WriteString(watched, "w")
	<-watching
	watched.Close()
	if err := <-left; err == nil {
		t.Error("the watch of a client that has left says nothing")
	}
	io.WriteString(reads, "more")
	if text := <-got; text != "more" {
		t.Errorf("the connection that waits reads %q, want more", text)
	}
	interrupted := dial()
	exchange(t, interrupted, "i")
	exchange(t, interrupted, "x")
}
