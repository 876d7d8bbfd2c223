package transport

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shard is one event loop. Exactly one goroutine leads it; all fields without another remark are the leader's. When a
// handler that runs on the leader blocks, another goroutine becomes the leader and the old one goes on with its connection
// alone (see take, and DESIGN.md).
type shard struct {
	loop   *Loop
	epfd   int
	poller *os.File // epfd in Go's own poller: a leader with nothing to do holds no thread
	raw    syscall.RawConn
	wakefd int

	events [128]unix.EpollEvent
	count  int  // events of the batch, of which
	next   int  // is the first not yet looked at
	woke   bool // a goroutine was made runnable by the batch

	// word says who leads and whether he can lose the lead: see word.
	word atomic.Uint64
	// current is the connection that runs on the leader while word is busy; nil when that is not a connection.
	current atomic.Pointer[EventConn]
	live    atomic.Int64 // connections
	looping looping

	mu    sync.Mutex // held while the leadership changes hands; guards queue
	queue []posted
}

// posted is a connection that is to run for a reason other than an event; no connection to wake the leader only.
type posted struct {
	c   *EventConn
	why Why
}

// The word of a shard: the term of the leadership in the upper half; in the lower a number that moves with each handler,
// and the bit busy. While it is busy, the leader runs something that may take long, and whoever changes the term under the
// shard's mu has taken the leadership from it. While it is not, only the leader itself changes it.
const (
	busy      = 1
	oneMore   = 2
	lowerHalf = 1<<32 - 1
)

func termOf(word uint64) uint32 { return uint32(word >> 32) }

// bumped is word with the next number.
func bumped(word uint64) uint64 { return word&^lowerHalf | (word+oneMore)&lowerHalf }

// following is the word of the next term.
func following(word uint64) uint64 { return (word>>32+1)<<32 | word&lowerHalf&^busy }

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
			s.abdicate(term)
		}
	}()
	s.looping.enter()
	for {
		for s.next < s.count {
			ev := &s.events[s.next]
			s.next++
			if !s.dispatch(ev, term) {
				ended = true
				return // what this goroutine ran has gone on alone; somebody else leads
			}
		}
		if s.woke {
			s.woke = false
			runtime.Gosched() // a loop that never parks must not keep them waiting
		}
		if s.loop.stopped.Load() || !s.wait() {
			s.looping.leave()
			ended = true
			return
		}
	}
}

func (s *shard) term() uint32 { return termOf(s.word.Load()) }

// wait fills the batch, parked in Go's poller while there is nothing. No wake-up is lost: the poller is edge-triggered, and
// parks only after poll has found nothing since it was last told of something.
func (s *shard) wait() bool {
	s.count, s.next = 0, 0
	err := s.raw.Read(s.poll)
	return err == nil
}

// poll asks epoll without waiting: a raw system call, which the scheduler need not know of.
func (s *shard) poll(uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.epfd), uintptr(unsafe.Pointer(&s.events[0])), uintptr(len(s.events)), 0, 0, 0)
		if errno == unix.EINTR {
			continue // parking now would lose what was there before the signal
		}
		if errno == 0 {
			s.count = int(n)
		}
		return s.count > 0
	}
}

// dispatch handles one event. It reports whether this goroutine still leads.
func (s *shard) dispatch(ev *unix.EpollEvent, term uint32) bool {
	switch ev.Pad {
	case listenerGen:
		a, ok := s.loop.table.listeners.Load(ev.Fd)
		if !ok {
			return true
		}
		s.begin(nil, term) // the owner of a new connection may log, which may block
		a.(*accepter).accept(s)
		return s.end(term)
	case wakeGen:
		return s.runQueue(term)
	}
	c := s.loop.table.get(ev.Fd)
	if c == nil || int32(c.gen) != ev.Pad {
		return true // closed in this batch
	}
	if c.state.Load() == detached && c.happened(ev.Events) {
		return true
	}
	why := Readable
	if ev.Events&outEvents != 0 {
		if c.takeWish() {
			why = Writable // what there is to read is told again after it
		} else if ev.Events&(armed|goneEvents) == 0 {
			return true // it was a writer's who waited while the connection was detached
		}
	}
	return s.run(c, why, term)
}

// run runs an attached connection's owner on this goroutine, the leader. It reports whether this goroutine still leads.
func (s *shard) run(c *EventConn, why Why, term uint32) bool {
	if !s.begin(c, term) {
		return true
	}
	c.events.Ready(why)
	return s.end(term)
}

// begin says that the leader is about to run a connection, or something else that may take long. It reports false when the
// connection is not attached, and then nothing has begun.
func (s *shard) begin(c *EventConn, term uint32) bool {
	s.looping.leave()
	s.current.Store(c)
	if c != nil && !c.state.CompareAndSwap(attached, inline) {
		s.looping.enter()
		return false
	}
	for {
		word := s.word.Load()
		if termOf(word) != term { // Leave came already, from a goroutine that outlived its request: c is detached
			return true
		}
		if s.word.CompareAndSwap(word, bumped(word)|busy) {
			s.loop.watchdog.stir()
			return true
		}
	}
}

// end ends what began, and reports whether the goroutine still leads.
func (s *shard) end(term uint32) bool {
	for {
		word := s.word.Load()
		if termOf(word) != term {
			return false
		}
		if s.word.CompareAndSwap(word, word&^busy) {
			s.looping.enter()
			return true
		}
	}
}

// seize takes the leadership from what the word stands for, unless that has just ended. The connection goes on alone, and
// its owner is told if it wants to be. The caller is the watchdog: the loop waits for it, and so for whom it starts.
func (s *shard) seize(word uint64) {
	c := s.takeLead(word)
	if c == nil {
		return
	}
	if owner, ok := c.events.(Seized); ok {
		s.loop.wg.Go(owner.Seized)
	}
}

// takeLead does so, and returns the connection that was detached by it; nil when there is none.
func (s *shard) takeLead(word uint64) *EventConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.current.Load() // that of word, if the word is still the same below
	if !s.word.CompareAndSwap(word, following(word)) {
		return nil
	}
	if c != nil {
		c.raise(seized)
		if !c.state.CompareAndSwap(inline, detached) {
			c = nil // attached, or closed, before its turn was over
		}
	}
	s.handOff(termOf(word) + 1)
	return c
}

// leave takes the leadership from the goroutine that runs c inline.
func (s *shard) leave(c *EventConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.state.CompareAndSwap(inline, detached) { // so the leader is the one that runs c
		s.succeedLocked()
	}
}

// abdicate makes another goroutine the leader when the leader's ends, unless it has lost the shard before.
func (s *shard) abdicate(term uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.term() != term {
		return
	}
	if c := s.current.Load(); c != nil {
		c.state.CompareAndSwap(inline, detached)
	}
	s.succeedLocked()
}

// succeedLocked begins the next term.
func (s *shard) succeedLocked() {
	for {
		word := s.word.Load()
		if s.word.CompareAndSwap(word, following(word)) {
			s.handOff(termOf(word) + 1)
			return
		}
	}
}

// handOff makes another goroutine the leader of a term. The caller has moved the term.
func (s *shard) handOff(term uint32) {
	if f := s.loop.followers.take(); f != nil {
		f.next <- assignment{s, term}
		return
	}
	s.loop.wg.Go(func() { s.loop.follow(assignment{s, term}) })
}

// runQueue runs what was posted, and reports whether this goroutine still leads. What is left when the leadership is lost
// is the next leader's: the descriptor stays readable until the queue is empty.
func (s *shard) runQueue(term uint32) bool {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			var count [8]byte
			unix.Read(s.wakefd, count[:])
			s.queue = nil
			s.mu.Unlock()
			return true
		}
		p := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		if p.c == nil || s.loop.table.get(p.c.fd) != p.c {
			continue
		}
		if !s.run(p.c, p.why, term) { // when it is busy, it looks by itself before it attaches
			return false
		}
	}
}

// post lets the leader run a connection soon; nil just wakes it. It is safe from any goroutine.
func (s *shard) post(c *EventConn, why Why) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, posted{c, why})
	one := uint64(1)
	unix.Write(s.wakefd, (*(*[8]byte)(unsafe.Pointer(&one)))[:]) // a full counter is awake already
}
