package transport

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

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
	nextGen   atomic.Uint32
	stopped   atomic.Bool
	wg        sync.WaitGroup // leaders and the watchdog
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
	return l, nil
}

// Stop ends the loop. Its connections have been closed before, its listeners are closed with it.
func (l *Loop) Stop() {
	l.stopped.Store(true)
	for _, s := range l.shards {
		s.post(func(uint32) {}) // wakes the leader
	}
	l.watchdog.end()
	l.wg.Wait()
	l.closeShards()
}

func (l *Loop) closeShards() {
	for _, s := range l.shards {
		s.close()
	}
}

// Listen accepts from a listener on all shards. accepted makes the connection's owner; nil refuses the connection. The
// listener is spent: closing is by the returned function, which waits until no shard accepts any more.
func (l *Loop) Listen(nl net.Listener, accepted func(Inline) Events) (stop func(), err error) {
	filer, ok := nl.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("a %T has no descriptor", nl)
	}
	f, err := filer.File()
	if err != nil {
		return nil, err
	}
	a := &accepter{loop: l, file: f, fd: int(f.Fd()), accepted: accepted}
	if err := unix.SetNonblock(a.fd, true); err != nil { // Fd made it blocking
		f.Close()
		return nil, err
	}
	if nl.Addr().Network() == "tcp" {
		a.inherit()
	}
	l.table.listeners.Store(int32(a.fd), a)
	for _, s := range l.shards {
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE, Fd: int32(a.fd), Pad: listenerGen}
		if err := unix.EpollCtl(s.epfd, unix.EPOLL_CTL_ADD, a.fd, &ev); err != nil {
			f.Close()
			return nil, os.NewSyscallError("epoll_ctl", err)
		}
	}
	return a.stop, nil
}

// accepter takes connections from one listening socket, for all shards.
type accepter struct {
	loop     *Loop
	file     *os.File
	fd       int
	accepted func(Inline) Events

	mu     sync.RWMutex // read-locked while a shard accepts
	closed bool
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
	a.file.Close()
}

// maxAccepts bounds how many connections a shard takes before it looks at those it has.
const maxAccepts = 16

// accept takes connections that wait.
func (a *accepter) accept(s *shard) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for range maxAccepts {
		if a.closed {
			return
		}
		fd, sa, err := unix.Accept4(a.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			a.loop.open(s, fd, sa, a.accepted)
		case unix.EINTR, unix.ECONNABORTED:
		case unix.EAGAIN:
			return
		default:
			// Out of descriptors or memory. The listener stays readable: wait a little on a timer, not in a spin.
			a.pause(s)
			return
		}
	}
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
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE, Fd: int32(a.fd), Pad: listenerGen}
		unix.EpollCtl(s.epfd, unix.EPOLL_CTL_ADD, a.fd, &ev)
	})
}

// Adopt puts a connection that somebody else accepted on a shard, and makes it Ready at once, so that its owner can begin.
// nc is spent when it succeeds.
func (l *Loop) Adopt(nc net.Conn, owner func(Inline) Events) error {
	filer, ok := nc.(interface{ File() (*os.File, error) })
	if !ok {
		return fmt.Errorf("a %T has no descriptor", nc)
	}
	f, err := filer.File()
	if err != nil {
		return err
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return os.NewSyscallError("fcntl", err)
	}
	sa, _ := unix.Getpeername(fd) // a peer that has left shows at the first read
	nc.Close()
	s := l.shards[0]
	for _, other := range l.shards {
		if other.live.Load() < s.live.Load() {
			s = other
		}
	}
	if c := l.add(s, fd, sa, owner); c != nil {
		c.mu.Lock()
		c.postLocked(Readable)
		c.mu.Unlock()
	}
	return nil
}

// open puts a new connection on a shard: the one that accepted it, unless that has clearly more than another.
func (l *Loop) open(s *shard, fd int, sa unix.Sockaddr, accepted func(Inline) Events) {
	for _, other := range l.shards {
		if live := s.live.Load(); live > 8 && other.live.Load() < live-live/8 {
			s = other
		}
	}
	l.add(s, fd, sa, accepted)
}

// add returns nil when the connection was refused.
func (l *Loop) add(s *shard, fd int, sa unix.Sockaddr, accepted func(Inline) Events) *EventConn {
	c := &EventConn{shard: s, fd: int32(fd), gen: l.nextGen.Add(1) &^ listenerGenBit, remote: sa}
	c.users.Store(1)
	if c.events = accepted(c); c.events == nil {
		c.Close()
		return nil
	}
	c.listed = true
	l.table.put(c)
	l.heartbeat.add(c)
	s.live.Add(1)
	ev := unix.EpollEvent{Events: armed, Fd: int32(fd), Pad: int32(c.gen)}
	if err := unix.EpollCtl(s.epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		c.Abort()
		return nil
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

func (t *table) remove(fd int32) {
	if part := t.chunks[fd>>10].Load(); part != nil {
		part[fd&1023].Store(nil)
	}
}
