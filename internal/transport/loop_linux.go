package transport

import (
	"fmt"
	"iter"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Loop is the event-loop transport: one shard per core, each with an epoll descriptor of its own. DESIGN.md has the states,
// the owners and the failure matrix.
type Loop struct {
	heartbeat *Heartbeat
	reasons   Reasons
	shards    []*shard
	table     table
	watchdog  *watchdog
	followers followers
	nextGen   atomic.Uint32
	stopped   atomic.Bool
	wg        sync.WaitGroup // leaders, followers and the watchdog
}

// NewLoop starts a loop with n shards, or one per usable core when n is 0. Stop ends it.
func NewLoop(n int, h *Heartbeat, reasons Reasons) (*Loop, error) {
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	l := &Loop{heartbeat: h, reasons: reasons}
	for range n {
		s, err := newShard(l)
		if err != nil {
			l.closeShards()
			return nil, err
		}
		l.shards = append(l.shards, s)
	}
	l.watchdog = newWatchdog(l.shards)
	l.wg.Go(l.watchdog.run)
	for _, s := range l.shards {
		s.handOff(0)
	}
	h.add(l)
	return l, nil
}

// Stop ends the loop. Its connections have been closed before, its listeners are closed with it.
func (l *Loop) Stop() {
	l.table.listeners.Range(func(_, a any) bool {
		a.(*accepter).stop()
		return true
	})
	l.heartbeat.remove(l)
	l.stopped.Store(true)
	for _, s := range l.shards {
		s.post(nil, Readable) // every leader looks at stopped before it waits, and this ends a wait
	}
	l.followers.dismiss()
	l.watchdog.end()
	l.wg.Wait()
	l.closeShards()
}

// tick is the heartbeat's, for all connections.
func (l *Loop) tick(now, elapsed int64) {
	l.followers.trim()
	for c := range l.table.all() {
		c.tick(now, elapsed)
	}
}

func (l *Loop) closeShards() {
	for _, s := range l.shards {
		s.close()
	}
}

// Suits reports whether a listener or a connection can be on a loop: a socket of package net itself. What wraps one has
// an Accept, a Read and a Write of its own, which must not be gone round.
func Suits(socket any) bool {
	switch socket.(type) {
	case *net.TCPListener, *net.UnixListener, *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// duplicate copies the descriptor of a socket. It leaves O_NONBLOCK alone, which all copies share, also those of other
// processes: os.File.Fd would switch it off, and whoever accepts or reads at that moment would block.
func duplicate(socket any) (int, error) {
	if !Suits(socket) {
		return -1, fmt.Errorf("a %T cannot be on an event loop", socket)
	}
	raw, err := socket.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1, err
	}
	var fd int
	var failed error
	err = raw.Control(func(original uintptr) {
		if fd, failed = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0); failed != nil {
			return
		}
		if failed = unix.SetNonblock(fd, true); failed != nil {
			unix.Close(fd)
		}
	})
	if err == nil {
		err = os.NewSyscallError("fcntl", failed)
	}
	return fd, err
}

// Listen accepts from a listener on all shards. accepted makes the connection's owner; nil refuses the connection. failed
// hears of errors that are waited out; it may be nil. deferred leaves a TCP connection to the kernel until its client has sent
// something, or for about a second (tcp(7), TCP_DEFER_ACCEPT): it is for protocols in which the client speaks first. Closing is by the returned function, which waits until no shard
// accepts any more; the caller closes nl after it.
func (l *Loop) Listen(nl net.Listener, deferred bool, accepted func(Inline) Events, failed func(error, time.Duration)) (stop func(), err error) {
	fd, err := duplicate(nl)
	if err != nil {
		return nil, err
	}
	a := &accepter{loop: l, fd: fd, accepted: accepted, failed: failed}
	if nl.Addr().Network() == "tcp" {
		a.inherit()
		if deferred {
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1)
		}
	}
	l.table.listeners.Store(int32(a.fd), a)
	for _, s := range l.shards {
		if err := a.register(s); err != nil {
			a.stop()
			return nil, os.NewSyscallError("epoll_ctl", err)
		}
	}
	return a.stop, nil
}

// accepter takes connections from one listening socket, for all shards.
type accepter struct {
	loop     *Loop
	fd       int
	accepted func(Inline) Events
	failed   func(error, time.Duration)

	mu     sync.RWMutex // read-locked while a shard accepts
	closed bool
}

// register lets a shard accept. The registration is level-triggered: whoever is told and takes nothing is told again.
func (a *accepter) register(s *shard) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE, Fd: int32(a.fd), Pad: listenerGen}
	return unix.EpollCtl(s.epfd, unix.EPOLL_CTL_ADD, a.fd, &ev)
}

// inherit sets what accepted sockets inherit on Linux, so that they need no further system call.
func (a *accepter) inherit() {
	unix.SetsockoptInt(a.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	unix.SetsockoptInt(a.fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15)
	unix.SetsockoptInt(a.fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15)
}

func (a *accepter) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.closed = true
	for _, s := range a.loop.shards {
		unix.EpollCtl(s.epfd, unix.EPOLL_CTL_DEL, a.fd, nil)
	}
	a.loop.table.listeners.Delete(int32(a.fd))
	unix.Close(a.fd)
}

// maxAccepts bounds how many connections a shard takes before it looks at those it has.
const maxAccepts = 16

// accept takes connections that wait.
func (a *accepter) accept(s *shard) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.closed {
		return
	}
	for range maxAccepts {
		fd, remote, err := accept(a.fd)
		switch err {
		case 0:
			a.loop.open(s, fd, remote, a.accepted)
		case unix.EINTR, unix.ECONNABORTED:
		case unix.EAGAIN:
			return
		default:
			// Out of descriptors or memory. The listener stays readable: wait a little on a timer, not in a spin.
			a.pause(s)
			if a.failed != nil {
				a.failed(os.NewSyscallError("accept4", err), acceptPause)
			}
			return
		}
	}
}

// accept is unix.Accept4 without its third system call, which asks each socket for its protocol.
func accept(listener int) (fd int, remote address, errno syscall.Errno) {
	var rsa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	r, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), uintptr(unsafe.Pointer(&rsa)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, address{}, errno
	}
	return int(r), rawAddress(&rsa, size), 0
}

const acceptPause = 50 * time.Millisecond

func (a *accepter) pause(s *shard) {
	unix.EpollCtl(s.epfd, unix.EPOLL_CTL_DEL, a.fd, nil)
	time.AfterFunc(acceptPause, func() {
		a.mu.RLock()
		defer a.mu.RUnlock()
		if a.closed {
			return
		}
		a.register(s)
	})
}

// Adopt puts a connection that somebody else accepted on a shard, and makes it Ready at once, so that its owner can begin.
// nc is spent when it succeeds.
func (l *Loop) Adopt(nc net.Conn, owner func(Inline) Events) error {
	fd, err := duplicate(nc)
	if err != nil {
		return err
	}
	remote := addressOf(unix.SYS_GETPEERNAME, fd) // a peer that has left shows at the first read
	nc.Close()
	s := l.shards[0]
	for _, other := range l.shards {
		if other.live.Load() < s.live.Load() {
			s = other
		}
	}
	if c := l.add(s, fd, remote, owner); c != nil {
		s.post(c, Readable)
	}
	return nil
}

// open puts a new connection on a shard: the one that accepted it, unless that has clearly more than another.
func (l *Loop) open(s *shard, fd int, remote address, accepted func(Inline) Events) {
	for _, other := range l.shards {
		if live := s.live.Load(); live > 8 && other.live.Load() < live-live/8 {
			s = other
		}
	}
	l.add(s, fd, remote, accepted)
}

// add returns nil when the connection was refused.
func (l *Loop) add(s *shard, fd int, remote address, accepted func(Inline) Events) *EventConn {
	c := &EventConn{shard: s, fd: int32(fd), gen: l.nextGen.Add(1) &^ listenerGenBit, remote: remote}
	c.users.Store(1)
	if c.events = accepted(c); c.events == nil {
		c.Close()
		return nil
	}
	if err := c.register(); err != nil {
		c.Sever() // its owner finds it ended
		s.post(c, Readable)
	}
	return c
}

// Generations tell a connection from an earlier one with the same descriptor; the highest bit marks what is none.
const (
	listenerGenBit = 1 << 31
	listenerGen    = -1 << 31
	wakeGen        = -1<<31 + 1
)

// table finds connections by descriptor, without a lock.
type table struct {
	chunks    [1 << 10]atomic.Pointer[chunk]
	listeners sync.Map // of int32 to *accepter
}

type chunk [1 << 10]atomic.Pointer[EventConn]

func (t *table) put(c *EventConn) {
	slot := &t.chunks[c.fd>>10]
	part := slot.Load()
	if part == nil {
		slot.CompareAndSwap(nil, new(chunk))
		part = slot.Load()
	}
	part[c.fd&1023].Store(c)
}

func (t *table) get(fd int32) *EventConn {
	part := t.chunks[fd>>10].Load()
	if part == nil {
		return nil
	}
	return part[fd&1023].Load()
}

// all iterates over the connections. Those that come or go meanwhile may be missed or met.
func (t *table) all() iter.Seq[*EventConn] {
	return func(yield func(*EventConn) bool) {
		for i := range t.chunks {
			part := t.chunks[i].Load()
			if part == nil {
				continue
			}
			for j := range part {
				if c := part[j].Load(); c != nil && !yield(c) {
					return
				}
			}
		}
	}
}

func (t *table) remove(fd int32) {
	if part := t.chunks[fd>>10].Load(); part != nil {
		part[fd&1023].Store(nil)
	}
}
