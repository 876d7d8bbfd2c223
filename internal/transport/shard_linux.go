package transport

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shard is one event loop. Exactly one goroutine leads it; all fields without another remark are the leader's. When a
// handler that runs on the leader blocks, another goroutine becomes the leader and the old one goes on with its connection
// alone (see handOff and watchdog).
type shard struct {
	loop   *Loop
	epfd   int
	poller *os.File // epfd in Go's own poller: a leader with nothing to do holds no thread
	raw    syscall.RawConn
	wakefd int

	events [128]unix.EpollEvent
	count  int // events of the batch, of which
	next   int // is the first not yet looked at

	// word is the term of the leadership in the upper half, and the number of the handler that runs inline, 0 for none, in
	// the lower. Whoever changes the term by compare-and-swap decides who leads.
	word atomic.Uint64
	seq  uint32
	// current is the connection whose handler runs inline.
	current atomic.Pointer[EventConn]
	live    atomic.Int64 // connections

	mu    sync.Mutex // held while leadership changes hands by force; guards queue
	queue []func(term uint32)
}

func newShard(l *Loop) (*shard, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(epfd, true); err != nil { // or os.NewFile would not use the poller
		unix.Close(epfd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	s := &shard{loop: l, epfd: epfd, poller: os.NewFile(uintptr(epfd), "epoll")}
	if s.raw, err = s.poller.SyscallConn(); err != nil {
		s.poller.Close()
		return nil, err
	}
	if s.wakefd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		s.poller.Close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.wakefd), Pad: wakeGen}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, s.wakefd, &ev); err != nil {
		s.close()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return s, nil
}

func (s *shard) close() {
	s.poller.Close()
	unix.Close(s.wakefd)
}

// lead runs the loop, in the given term, until the leadership is lost or the loop stops.
func (s *shard) lead(term uint32) {
	ended := false
	defer func() {
		if !ended { // a handler ended the goroutine with runtime.Goexit
			s.mu.Lock()
			s.succeedLocked(term)
			s.mu.Unlock()
		}
	}()
	for {
		for s.next < s.count {
			ev := &s.events[s.next]
			s.next++
			s.dispatch(ev, term)
			if s.term() != term {
				ended = true
				return // what this goroutine handled has gone on alone; somebody else leads
			}
		}
		if s.loop.stopped.Load() || !s.wait() {
			ended = true
			return
		}
	}
}

// succeedLocked makes another goroutine the leader, unless the leader of that term has lost the shard already.
func (s *shard) succeedLocked(term uint32) {
	for {
		word := s.word.Load()
		if uint32(word>>32) != term {
			return
		}
		if s.word.CompareAndSwap(word, uint64(term+1)<<32) {
			s.handOff(term + 1)
			return
		}
	}
}

func (s *shard) term() uint32 { return uint32(s.word.Load() >> 32) }

// wait fills the batch, parked in Go's poller while there is nothing.
func (s *shard) wait() bool {
	s.count, s.next = 0, 0
	err := s.raw.Read(s.poll)
	return err == nil
}

// poll asks epoll without waiting: a raw system call, which the scheduler need not know of.
func (s *shard) poll(uintptr) bool {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.epfd), uintptr(unsafe.Pointer(&s.events[0])), uintptr(len(s.events)), 0, 0, 0)
	if errno == 0 {
		s.count = int(n)
	}
	return s.count > 0
}

// dispatch handles one event.
func (s *shard) dispatch(ev *unix.EpollEvent, term uint32) {
	switch ev.Pad {
	case listenerGen:
		if a, ok := s.loop.table.listeners.Load(ev.Fd); ok {
			a.(*accepter).accept(s)
		}
		return
	case wakeGen:
		s.runQueue(term)
		return
	}
	c := s.loop.table.get(ev.Fd)
	if c == nil || int32(c.gen) != ev.Pad {
		return // closed in this batch
	}
	if c.detached.Load() && c.happened(ev.Events) {
		return
	}
	s.run(c, Readable, term)
}

// run runs a connection's owner on this goroutine, as the leader.
func (s *shard) run(c *EventConn, why Why, term uint32) {
	c.term = term
	c.inline.Store(true)
	c.events.Ready(why)
}

// runQueue runs what was posted. What is left when the leadership is lost is the next leader's: the descriptor stays
// readable until the queue is empty.
func (s *shard) runQueue(term uint32) {
	for s.term() == term {
		s.mu.Lock()
		if len(s.queue) == 0 {
			var count [8]byte
			unix.Read(s.wakefd, count[:])
			s.queue = nil
			s.mu.Unlock()
			return
		}
		fn := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		fn(term)
	}
}

// post runs fn on the leader, soon. It is safe from any goroutine.
func (s *shard) post(fn func(term uint32)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, fn)
	one := uint64(1)
	unix.Write(s.wakefd, (*(*[8]byte)(unsafe.Pointer(&one)))[:]) // a full counter is awake already
}

// inline says in a shard's word that a handler runs on the leader.
func inHandler(word uint64) bool { return uint32(word) != 0 }

// handOff makes another goroutine the leader of the next term. The caller has moved the term.
func (s *shard) handOff(term uint32) {
	s.loop.wg.Go(func() { s.lead(term) })
}
