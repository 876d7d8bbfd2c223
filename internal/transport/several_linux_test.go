package transport

import (
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// several is an owner as HTTP/2's: it echoes what it reads, several goroutines write, and when one that runs the connection
// sits in a request and the loop is taken from it, another goes on. sink.mu guards what follows; Attach is called under it,
// so that Left means something.
type several struct {
	sink
	turn   int  // moves when another goroutine runs the connection
	sits   bool // the one that runs it is in a request
	over   bool // closed
	others *sync.WaitGroup
	did    *[actions]atomic.Int64

	// Whoever runs the connection owns the following.
	heard  bool // the first byte, which says whether it is
	doomed bool // the peer expects its connection to be ended at any time
}

// What an owner may do after it has read something.
const (
	flushNow = iota
	flushLater
	sitDown
	handOver
	wishInVain
	interrupt
	tookOver // not chosen: counts Seized that went on
	stale    // and that did not
	actions
)

// Ready implements Events.
func (s *several) Ready(why Why) {
	s.mu.Lock()
	s.turn++
	turn := s.turn
	if why == Writable {
		s.full = false
	}
	s.mu.Unlock()
	s.work(turn)
}

// Seized goes on in the place of a goroutine that sits in a request.
func (s *several) Seized() {
	s.mu.Lock()
	if !s.sits || !s.link.Left() {
		s.mu.Unlock()
		s.did[stale].Add(1)
		return
	}
	s.sits = false
	s.turn++
	turn := s.turn
	s.mu.Unlock()
	s.did[tookOver].Add(1)
	s.work(turn)
}

// work reads until there is nothing, or another goroutine goes on.
func (s *several) work(turn int) {
	buf := make([]byte, 8<<10)
	for {
		n, err := s.link.TryRead(buf[:1+rand.N(len(buf))])
		if err != nil {
			s.close()
			return
		}
		if n == 0 {
			s.rest()
			return
		}
		s.put(buf[:n])
		if !s.heard {
			s.heard, s.doomed = true, buf[0]&1 == 1
		}
		if !s.act(turn) {
			return
		}
	}
}

// rest writes what there is, on this goroutine or another, and attaches.
func (s *several) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rand.N(2) == 0 {
		s.flushLocked() // an error shows when it reads
	} else {
		s.later(func() { s.flush() })
	}
	s.link.Attach()
}

func (s *several) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over = true
		s.link.Abort()
	}
}

// later runs f on another goroutine, soon.
func (s *several) later(f func()) {
	s.others.Go(func() {
		for range rand.N(10) {
			runtime.Gosched()
		}
		f()
	})
}

// act does something at random, and reports whether the goroutine of the turn still runs the connection.
func (s *several) act(turn int) bool {
	what := rand.N(40)
	if what >= tookOver {
		what = flushLater
	}
	if s.doomed && rand.N(20) == 0 {
		s.later([]func(){s.close, s.link.Cut, s.link.Sever}[rand.N(3)])
	}
	s.did[what].Add(1)
	switch what {
	case flushNow:
		s.flush()
	case flushLater:
		s.later(func() { s.flush() })
	case sitDown:
		return s.sit(turn)
	case handOver:
		s.link.Leave()
		s.later(func() { s.work(turn) })
		return false
	case wishInVain:
		s.later(s.link.NotifyWritable)
	case interrupt:
		s.later(s.link.Interrupt)
	}
	return true
}

// sit is a request that takes its time. It reports whether nobody has gone on meanwhile.
func (s *several) sit(turn int) bool {
	s.mu.Lock()
	s.sits = true
	s.mu.Unlock()
	time.Sleep(rand.N(8 * time.Millisecond))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turn != turn {
		return false
	}
	s.sits = false
	return true
}

// chaosFor is how long clients go on beginning connections.
const chaosFor = 1500 * time.Millisecond

// Whatever goroutines of one connection do to it, one of them runs it at a time, what it reads is echoed in order, nobody
// waits for ever, and nothing is left behind.
func TestConnectionsOfSeveralGoroutinesSurviveWhatTheyDo(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(strconv.Itoa(shards)+" shards", func(t *testing.T) {
			before := descriptors(t)
			chaos(t, shards)
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors are open after, want the %d of before", after, before)
			}
		})
	}
}

func chaos(t *testing.T, shards int) {
	var others sync.WaitGroup
	var did [actions]atomic.Int64
	dial, stop := onLoop(t, shards, func(link Inline) Events {
		if rand.N(2) == 0 {
			narrow(t, link)
		}
		return &several{sink: sink{link: link}, others: &others, did: &did}
	})
	var clients sync.WaitGroup
	var streams atomic.Int64
	for end, i := time.Now().Add(chaosFor), 0; i < 12; i++ {
		clients.Go(func() {
			for time.Now().Before(end) && !t.Failed() {
				nc := dial()
				if rand.N(4) == 0 {
					leaveEarly(nc)
				} else {
					streamBothWays(t, nc, rand.Uint64(), 1+rand.N(256<<10))
				}
				nc.Close()
				streams.Add(1)
			}
		})
	}
	clients.Wait()
	stop()
	others.Wait()
	counts := make([]int64, actions)
	for i := range did {
		counts[i] = did[i].Load()
	}
	t.Logf("%d streams; flushed now, later, sat, handed over, wished in vain, interrupted, took over, stale: %d", streams.Load(), counts)
}

// leaveEarly is a peer that expects nothing.
func leaveEarly(nc *net.TCPConn) {
	nc.SetDeadline(time.Now().Add(rand.N(20 * time.Millisecond)))
	nc.Write([]byte{1})
	nc.Write(make([]byte, rand.N(64<<10)))
	nc.Read(make([]byte, rand.N(64<<10)))
}

// descriptors counts those of this process. The poller's own are made by the first use.
func descriptors(t *testing.T) int {
	t.Helper()
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
