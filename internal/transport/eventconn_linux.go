package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// EventConn is a connection on a shard. It does what Conn does; what blocks gives the shard to another goroutine first.
//
// A connection is attached, and then the leader of its shard may run it, or detached: a goroutine of its own has it, and
// the leader only passes events on. Fields without another remark belong to whoever runs it.
type EventConn struct {
	shard  *shard
	events Events
	remote unix.Sockaddr
	fd     int32
	gen    uint32
	term   uint32 // of the leadership under which it runs inline
	seq    uint32 // of the handler that runs inline
	shared bool

	timeouts timeouts
	users    atomic.Int32 // of the descriptor: who has not closed it, and calls under way
	gone     atomic.Bool  // Close was called
	detached atomic.Bool
	inline   atomic.Bool // it runs on the leader of the shard; Leave may come from any goroutine of the request's

	// mu guards what follows, and the registration in epoll while detached.
	mu                  sync.Mutex
	in, out             waiter
	disarmed            bool
	closed              bool
	hungUp              bool
	stop                bool // Interrupt came while it was busy
	cut                 bool
	listed              bool // known to the heartbeat, the table and the shard
	watch               func(error)
	readBy              *time.Timer
	writeBy             *time.Timer
	readLate, writeLate bool
}

var _ Inline = (*EventConn)(nil)

// armed are the events of an attached connection, level-triggered.
const armed = unix.EPOLLIN | unix.EPOLLRDHUP

// goneEvents are those after which the peer does not send any more.
const goneEvents = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

// happened takes an event of a detached connection. It reports false when the connection has just been attached, so that
// the event is the leader's.
func (c *EventConn) happened(events uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.detached.Load() {
		return false
	}
	if c.closed {
		return true
	}
	if events&goneEvents != 0 {
		c.hungUp = true
		if c.watch != nil {
			c.watch(net.ErrClosed)
			c.watch = nil
		}
	}
	if c.in.wanted || c.out.wanted {
		c.disarmed = true // the registration was for one event
		if events&(unix.EPOLLIN|goneEvents) != 0 {
			c.in.wakeLocked()
		}
		if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			c.out.wakeLocked()
		}
		if c.in.wanted || c.out.wanted {
			c.armLocked()
		}
		return true
	}
	// Nobody waits: bytes of a next request, or the end. Only the end is of interest now, and once.
	if c.hungUp {
		c.controlLocked(unix.EPOLL_CTL_MOD, unix.EPOLLONESHOT)
	} else {
		c.controlLocked(unix.EPOLL_CTL_MOD, unix.EPOLLRDHUP|unix.EPOLLONESHOT)
	}
	c.disarmed = true
	return true
}

func (c *EventConn) controlLocked(op int, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: c.fd, Pad: int32(c.gen)}
	return unix.EpollCtl(c.shard.epfd, op, int(c.fd), &ev)
}

func (c *EventConn) wakeLocked() {
	c.in.wakeLocked()
	c.out.wakeLocked()
}

// waiter is a goroutine that waits for one direction of the socket. A request's body may be read by one goroutine while
// another writes the response.
type waiter struct {
	wanted bool
	wakeup chan struct{}
}

func (w *waiter) wakeLocked() {
	w.wanted = false
	if w.wakeup != nil {
		select {
		case w.wakeup <- struct{}{}:
		default:
		}
	}
}

// armLocked registers for one event of those that are waited for.
func (c *EventConn) armLocked() error {
	events := uint32(unix.EPOLLONESHOT)
	if c.in.wanted {
		events |= unix.EPOLLIN | unix.EPOLLRDHUP
	}
	if c.out.wanted {
		events |= unix.EPOLLOUT
	}
	c.disarmed = true
	return c.controlLocked(unix.EPOLL_CTL_MOD, events)
}

// Leave gives the shard to another goroutine, if the connection runs on the one that leads it: the caller is about to block.
func (c *EventConn) Leave() {
	if !c.inline.Load() {
		return
	}
	s := c.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.inline.CompareAndSwap(true, false) {
		c.detached.Store(true)
		s.succeedLocked(c.term)
	}
}

// Enter says that a handler begins. The watchdog gives the shard to another goroutine when it takes long.
func (c *EventConn) Enter() {
	if !c.inline.Load() {
		return
	}
	s := c.shard
	s.seq++
	if s.seq == 0 {
		s.seq = 1
	}
	c.seq = s.seq
	s.current.Store(c)
	s.word.Store(uint64(c.term)<<32 | uint64(c.seq))
	s.loop.watchdog.stir()
}

// Exit says that the handler has ended. It reports whether the watchdog took the shard from it meanwhile.
func (c *EventConn) Exit() (seized bool) {
	s := c.shard
	seq := c.seq
	c.seq = 0
	if c.inline.Load() && s.word.CompareAndSwap(uint64(c.term)<<32|uint64(seq), uint64(c.term)<<32) {
		return false
	}
	s.mu.Lock() // until whoever takes the shard, or has just done so, is through
	defer s.mu.Unlock()
	return seq != 0 && c.inline.CompareAndSwap(true, false)
}

// Attach says that the connection waits for bytes. The caller must not touch it any more.
func (c *EventConn) Attach() {
	if c.inline.CompareAndSwap(true, false) {
		return // on the leader, which goes on with the next
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in.wanted, c.out.wanted = false, false
	rearm := c.disarmed
	c.disarmed = false
	stop := c.stop
	c.detached.Store(false)
	if rearm {
		c.controlLocked(unix.EPOLL_CTL_MOD, armed)
	}
	if stop {
		c.postLocked(Interrupted)
	}
}

// postLocked lets the leader run the connection.
func (c *EventConn) postLocked(why Why) {
	c.shard.post(func(term uint32) {
		if c.detached.Load() || c.shard.loop.table.get(c.fd) != c {
			return // it is busy, and will look by itself
		}
		c.shard.run(c, why, term)
	})
}

// block waits until the socket is ready in one direction, by a goroutine that does not lead.
func (c *EventConn) block(w *waiter) error {
	c.Leave()
	c.mu.Lock()
	if err := c.overLocked(w); err != nil {
		c.mu.Unlock()
		return err
	}
	if w.wakeup == nil {
		w.wakeup = make(chan struct{}, 1)
	}
	w.wanted = true
	err := c.armLocked()
	c.mu.Unlock()
	if err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	<-w.wakeup
	c.mu.Lock()
	defer c.mu.Unlock()
	w.wanted = false
	return c.overLocked(w)
}

// overLocked says why waiting makes no sense.
func (c *EventConn) overLocked(w *waiter) error {
	switch {
	case c.closed, c.cut:
		return net.ErrClosed
	case c.timeouts.expired() != 0:
		return ErrExpired
	case w == &c.in && c.readLate, w == &c.out && c.writeLate:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// tick is the heartbeat's.
func (c *EventConn) tick(now, elapsed int64) {
	r := c.shard.loop.reasons
	if c.timeouts.check(now, elapsed, r.ReadRate, r.WriteRate) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked()
	if !c.detached.Load() {
		c.postLocked(Expired)
	}
}

// Interrupt makes an attached connection Ready for the reason Interrupted, now or when it attaches.
func (c *EventConn) Interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = true
	if !c.detached.Load() {
		c.postLocked(Interrupted)
	}
}

// TryRead reads without waiting. It returns 0 and nil when there is nothing.
func (c *EventConn) TryRead(p []byte) (int, error) {
	if !c.use() {
		return 0, net.ErrClosed
	}
	defer c.release()
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(min(len(p), maxRaw)), 0, 0, 0)
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			return 0, nil
		case errno != 0:
			return 0, os.NewSyscallError("recv", errno)
		case n == 0:
			return 0, io.EOF
		}
		if c.timeouts.reading.Load() {
			c.timeouts.readBytes.Add(int64(n))
		}
		return int(n), nil
	}
}

// maxRaw bounds what one raw system call copies: the scheduler, and with it the collector, waits for it.
const maxRaw = 128 << 10

// Read reads at least one byte.
func (c *EventConn) Read(p []byte) (int, error) {
	for {
		if c.Expired() != 0 {
			return 0, ErrExpired
		}
		n, err := c.TryRead(p)
		if n > 0 || err != nil {
			return n, err
		}
		if err := c.block(&c.in); err != nil {
			return 0, err
		}
	}
}

// Writev writes a and then b.
func (c *EventConn) Writev(a, b []byte) error {
	if c.Expired() != 0 {
		return ErrExpired
	}
	var err error
	if len(b) == 0 {
		if a, err = c.trySend(a); err != nil || len(a) == 0 {
			return err
		}
	}
	c.timeouts.writing(c.shard.loop.heartbeat, int64(len(a)+len(b)))
	defer c.timeouts.wrote()
	for {
		switch {
		case len(b) == 0:
			a, err = c.trySend(a)
		case len(a) == 0:
			a, b = b, nil
			continue
		default:
			a, b, err = c.trySendBoth(a, b)
		}
		if err != nil || len(a)+len(b) == 0 {
			return err
		}
		if err := c.block(&c.out); err != nil {
			return err
		}
	}
}

// trySend writes what the socket takes and returns the rest.
func (c *EventConn) trySend(p []byte) ([]byte, error) {
	if !c.use() {
		return p, net.ErrClosed
	}
	defer c.release()
	for len(p) > 0 {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(min(len(p), maxRaw)), unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			p = p[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return p, nil
		default:
			return p, os.NewSyscallError("send", errno)
		}
	}
	return nil, nil
}

func (c *EventConn) trySendBoth(a, b []byte) ([]byte, []byte, error) {
	if !c.use() {
		return a, b, net.ErrClosed
	}
	defer c.release()
	var vec [2]unix.Iovec
	vec[0].Base = unsafe.SliceData(a)
	vec[0].SetLen(len(a))
	vec[1].Base = unsafe.SliceData(b)
	vec[1].SetLen(min(len(b), maxRaw))
	msg := unix.Msghdr{Iov: &vec[0]}
	msg.SetIovlen(2)
	for {
		n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_NOSIGNAL)
		switch errno {
		case 0:
			k := min(int(n), len(a))
			return a[k:], b[int(n)-k:], nil
		case unix.EINTR:
		case unix.EAGAIN:
			return a, b, nil
		default:
			return a, b, os.NewSyscallError("sendmsg", errno)
		}
	}
}

// SendFrom writes n bytes of a file by sendfile(2).
func (c *EventConn) SendFrom(r io.Reader, n int64) (written int64, ok bool, err error) {
	f, limit := fileOf(r, n)
	if f == nil {
		return 0, false, nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, false, nil
	}
	if !c.use() {
		return 0, true, net.ErrClosed
	}
	defer c.release()
	c.Leave() // the disk may be slow
	c.timeouts.writing(c.shard.loop.heartbeat, limit)
	defer c.timeouts.wrote()
	for written < limit {
		var k int
		var sendErr error
		if err := raw.Control(func(fd uintptr) {
			k, sendErr = unix.Sendfile(int(c.fd), int(fd), nil, int(min(limit-written, 1<<30)))
		}); err != nil {
			return written, true, err
		}
		switch {
		case k > 0:
			written += int64(k)
		case sendErr == unix.EINTR:
		case sendErr == unix.EAGAIN:
			if err := c.block(&c.out); err != nil {
				return written, true, err
			}
		case sendErr == unix.EINVAL && written == 0:
			return 0, false, nil // not a file that can be sent this way
		case sendErr != nil:
			return written, true, os.NewSyscallError("sendfile", sendErr)
		default:
			return written, true, nil // the file has ended
		}
	}
	return written, true, nil
}

// fileOf finds the file in r, and how much of it may be sent.
func fileOf(r io.Reader, n int64) (*os.File, int64) {
	switch r := r.(type) {
	case *os.File:
		return r, n
	case *io.LimitedReader:
		f, ok := r.R.(*os.File)
		if !ok {
			return nil, 0
		}
		return f, min(n, r.N)
	}
	return nil, 0
}

// SetTimeout, Expired, BodyRead, SetRates and Rates are as Conn's.
func (c *EventConn) SetTimeout(reason uint8, d time.Duration) {
	c.timeouts.set(c.shard.loop.heartbeat, reason, d)
}
func (c *EventConn) Expired() uint8   { return c.timeouts.expired() }
func (c *EventConn) BodyRead(on bool) { c.timeouts.reading.Store(on) }
func (c *EventConn) SetRates(read, write *Rate) {
	c.timeouts.readRate.Store(read)
	c.timeouts.writeRate.Store(write)
}
func (c *EventConn) Rates() (read, write *Rate) {
	return c.timeouts.readRate.Load(), c.timeouts.writeRate.Load()
}

// Watch calls fn once when the peer goes away, until Unwatch. It costs no system call: the shard's epoll tells.
func (c *EventConn) Watch(fn func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hungUp || c.closed {
		fn(net.ErrClosed)
		return
	}
	c.watch = fn
}

// Unwatch ends a Watch. fn is not called after it.
func (c *EventConn) Unwatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch = nil
}

// SetReadDeadline and SetWriteDeadline are the application's own deadlines, until ClearDeadlines.
func (c *EventConn) SetReadDeadline(t time.Time) error {
	c.Leave()
	c.setDeadline(t, &c.readBy, &c.readLate)
	return nil
}

func (c *EventConn) SetWriteDeadline(t time.Time) error {
	c.Leave()
	c.setDeadline(t, &c.writeBy, &c.writeLate)
	return nil
}

func (c *EventConn) setDeadline(t time.Time, timer **time.Timer, late *bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	*late = false
	if t.IsZero() {
		return
	}
	var mine *time.Timer
	mine = time.AfterFunc(time.Until(t), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if *timer == mine {
			*late = true
			c.wakeLocked()
		}
	})
	*timer = mine
}

// ClearDeadlines takes the application's deadlines back.
func (c *EventConn) ClearDeadlines() {
	if c.readBy != nil || c.writeBy != nil {
		c.setDeadline(time.Time{}, &c.readBy, &c.readLate)
		c.setDeadline(time.Time{}, &c.writeBy, &c.writeLate)
	}
}

// forget takes the connection out of everything that could find it.
func (c *EventConn) forget() bool {
	c.shard.mu.Lock()
	c.inline.Store(false) // a goroutine that comes too late must not take the shard from whoever leads it by then
	c.shard.mu.Unlock()
	c.mu.Lock()
	was := c.closed
	c.closed = true
	c.gone.Store(true)
	c.watch = nil
	c.wakeLocked()
	c.mu.Unlock()
	if was {
		return false
	}
	if c.listed { // outside the lock: the heartbeat takes them in the other order
		l := c.shard.loop
		l.heartbeat.remove(c)
		l.table.remove(c.fd)
		c.shard.live.Add(-1)
	}
	return true
}

// Close closes the connection.
func (c *EventConn) Close() {
	if !c.forget() {
		return
	}
	if c.shared { // epoll watches what all copies share
		unix.EpollCtl(c.shard.epfd, unix.EPOLL_CTL_DEL, int(c.fd), nil)
		unix.Shutdown(int(c.fd), unix.SHUT_RDWR)
	}
	c.release() // the one it was born with
}

// use keeps the descriptor open while a system call needs it; release ends that. It reports false after Close. A descriptor
// that was closed below a call would be another connection's by the next.
func (c *EventConn) use() bool {
	for {
		n := c.users.Load()
		if n <= 0 || c.gone.Load() {
			return false
		}
		if c.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (c *EventConn) release() {
	if c.users.Add(-1) == 0 {
		unix.Close(int(c.fd))
	}
}

// Sever ends the connection from any goroutine; the owner still has to Close or Abort.
func (c *EventConn) Sever() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	unix.Shutdown(int(c.fd), unix.SHUT_RDWR)
	c.wakeLocked()
}

// Cut makes reads and writes fail from now on, from any goroutine; the owner still has to Abort.
func (c *EventConn) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		unix.Shutdown(int(c.fd), unix.SHUT_RD) // not the other half: the peer is to see a reset, not an end
		c.cut = true
		c.wakeLocked()
	}
}

// Abort closes the connection with a reset.
func (c *EventConn) Abort() {
	c.mu.Lock()
	if !c.closed {
		unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	c.mu.Unlock()
	c.shared = false
	c.Close()
}

// CloseLingering ends the sending side and reads on for a little while (see Conn.CloseLingering).
func (c *EventConn) CloseLingering() {
	defer c.Close()
	if !c.use() {
		return
	}
	err := unix.Shutdown(int(c.fd), unix.SHUT_WR)
	c.release()
	if err != nil {
		return
	}
	buf := make([]byte, 4096)
	c.setDeadline(time.Now().Add(lingerFor), &c.readBy, &c.readLate)
	defer c.ClearDeadlines()
	for total := 0; total < lingerSize; {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}

// Detach makes an ordinary connection of it and hands that to the caller.
func (c *EventConn) Detach() (net.Conn, []byte) {
	c.ClearDeadlines()
	if !c.forget() {
		return closedConn{}, nil
	}
	unix.EpollCtl(c.shard.epfd, unix.EPOLL_CTL_DEL, int(c.fd), nil)
	defer c.release()
	copied, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return closedConn{}, nil
	}
	f := os.NewFile(uintptr(copied), "conn")
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return closedConn{}, nil
	}
	return nc, nil
}

// RemoteAddr and LocalAddr are the two ends.
func (c *EventConn) RemoteAddr() net.Addr { return toAddr(c.remote) }

func (c *EventConn) LocalAddr() net.Addr {
	if !c.use() {
		return nil
	}
	defer c.release()
	sa, err := unix.Getsockname(int(c.fd))
	if err != nil {
		return nil
	}
	return toAddr(sa)
}

func toAddr(sa unix.Sockaddr) net.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)))
	case *unix.SockaddrInet6:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)))
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}
	}
	return nil
}

// closedConn stands for a connection that could not be detached.
type closedConn struct{ net.Conn }

// Share says that another process holds a copy of the connection.
func (c *EventConn) Share() { c.shared = true }

// SyscallConn gives access to the descriptor.
func (c *EventConn) SyscallConn() (syscall.RawConn, error) { return rawEventConn{c}, nil }

// rawEventConn is an EventConn's descriptor. It offers no waiting.
type rawEventConn struct{ c *EventConn }

func (r rawEventConn) Control(f func(fd uintptr)) error {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.c.closed {
		return net.ErrClosed
	}
	f(uintptr(r.c.fd))
	return nil
}

func (r rawEventConn) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (r rawEventConn) Write(func(uintptr) bool) error { return errors.ErrUnsupported }
