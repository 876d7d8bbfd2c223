package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// EventConn is a connection on a shard. It does what Conn does; what blocks gives the shard to another goroutine first.
// Fields without another remark belong to whoever runs it (see the states).
type EventConn struct {
	shard  *shard
	events Events
	remote address
	fd     int32
	gen    uint32
	shared bool
	listed bool // known to the table and the shard
	spent  bool // the registration is not that of an attached connection; guarded by mu
	hungUp bool // guarded by mu
	wish   bool // Ready(Writable) was asked for and has not been told; guarded by mu
	stop   bool // Interrupt came: it is told whenever it attaches; guarded by mu

	timeouts timeouts
	users    atomic.Int32 // of the descriptor: who has not closed it, and calls under way
	state    atomic.Uint32
	flags    atomic.Uint32

	// mu guards what follows, changes of the registration in epoll, and the states' changes from and to detached and closed,
	// except that from inline to detached.
	mu   sync.Mutex
	rare *rare // nil in most connections
}

// rare is what a connection needs that waits in the middle of a request, is watched, or has deadlines of the application.
// A connection that waits for a request has none. EventConn.mu guards it.
type rare struct {
	in, out               waiter
	watch                 func(error)
	told                  chan struct{} // closed when the watch's function has returned; nil when it was not called
	readTimer, writeTimer *time.Timer
}

// rareLocked returns c.rare, made when it is not there.
func (c *EventConn) rareLocked() *rare {
	if c.rare == nil {
		c.rare = new(rare)
	}
	return c.rare
}

// The flags of a connection.
const (
	seized    uint32 = 1 << iota // the watchdog took the shard from it, since Enter
	cut                          // Cut was called
	lingering                    // a deadline that has passed does not end reads any more
	readLate                     // the application's deadline has passed
	writeLate                    // the same for writes
	deadlines                    // the application has set some
)

func (c *EventConn) has(flag uint32) bool { return c.flags.Load()&flag != 0 }
func (c *EventConn) raise(flag uint32)    { c.flags.Or(flag) }
func (c *EventConn) lower(flag uint32)    { c.flags.And(^flag) }

// The states of a connection. DESIGN.md has their changes.
const (
	attached uint32 = iota // the leader may run it
	inline                 // it runs on the leader
	detached               // a goroutine of its own has it; the leader passes events on
	closed                 // whoever ran it has closed it, or handed it over
)

var _ Inline = (*EventConn)(nil)

// armed are the events of an attached connection, level-triggered. See levelLocked.
const armed = unix.EPOLLIN | unix.EPOLLRDHUP

// outEvents are those after which a write does not wait.
const outEvents = unix.EPOLLOUT | unix.EPOLLHUP | unix.EPOLLERR

// goneEvents are those after which the peer does not send any more.
const goneEvents = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR

// happened takes an event of a detached connection. It reports false when the connection has just been attached, so that
// the event is the leader's.
func (c *EventConn) happened(events uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state.Load() {
	case attached:
		return false
	case closed:
		return true
	}
	if events&goneEvents != 0 {
		c.hungUp = true
		c.tellLocked()
	}
	r := c.rare
	if r == nil {
		if !c.spent {
			c.armLocked()
		}
		return true
	}
	if r.in.wanted && events&(unix.EPOLLIN|goneEvents) != 0 {
		r.in.wakeLocked()
		c.shard.woke = true
	}
	if r.out.wanted && events&outEvents != 0 {
		r.out.wakeLocked()
		c.shard.woke = true
	}
	if !c.spent || r.in.wanted || r.out.wanted || r.watch != nil {
		c.armLocked()
	}
	return true
}

// register lists a new connection, so that the leader can find it, and then in epoll. A goroutine of its owner may have
// closed it already.
func (c *EventConn) register() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() == closed {
		return nil
	}
	c.listed = true
	c.shard.live.Add(1)
	c.shard.loop.table.put(c)
	ev := unix.EpollEvent{Events: c.levelLocked(), Fd: c.fd, Pad: int32(c.gen)}
	err := unix.EpollCtl(c.shard.epfd, unix.EPOLL_CTL_ADD, int(c.fd), &ev)
	if c.stop { // it was interrupted before the leader could find it
		c.shard.post(c, Interrupted)
	}
	return err
}

// levelLocked are the events of a connection that is attached or inline, level-triggered.
func (c *EventConn) levelLocked() uint32 {
	if c.wish {
		return armed | unix.EPOLLOUT
	}
	return armed
}

func (c *EventConn) controlLocked(events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: c.fd, Pad: int32(c.gen)}
	return unix.EpollCtl(c.shard.epfd, unix.EPOLL_CTL_MOD, int(c.fd), &ev)
}

// armLocked registers for one event of those that anybody waits for. What is true already is told at once: epoll looks
// whenever a registration is changed.
func (c *EventConn) armLocked() error {
	events := uint32(unix.EPOLLONESHOT)
	if r := c.rare; r != nil {
		if r.in.wanted {
			events |= unix.EPOLLIN | unix.EPOLLRDHUP
		}
		if r.out.wanted {
			events |= unix.EPOLLOUT
		}
		if r.watch != nil && !c.hungUp {
			events |= unix.EPOLLRDHUP
		}
	}
	c.spent = true
	return c.controlLocked(events)
}

func (c *EventConn) wakeLocked() {
	if r := c.rare; r != nil {
		r.in.wakeLocked()
		r.out.wakeLocked()
	}
}

// waiter is a goroutine that waits for one direction of the socket. A request's body may be read by one goroutine while
// another writes the response.
type waiter struct {
	wanted bool
	wakeup chan struct{} // holds at most one wake-up; one too many is a look too many
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

// Leave gives the shard to another goroutine, if the connection runs on the one that leads it: the caller is about to block.
func (c *EventConn) Leave() {
	if c.state.Load() == inline {
		c.shard.leave(c)
	}
}

// Enter says that a handler begins. The watchdog, which gives the shard to another goroutine when something takes long,
// measures from here.
func (c *EventConn) Enter() {
	if c.has(seized) {
		c.lower(seized)
	}
	if c.state.Load() != inline {
		return
	}
	if word := c.shard.word.Load(); word&busy != 0 {
		c.shard.word.CompareAndSwap(word, bumped(word))
	}
}

// Exit says that the handler has ended. It reports whether the watchdog took the shard from it meanwhile.
func (c *EventConn) Exit() bool { return c.has(seized) }

// Left reports whether the connection is run by a goroutine that does not lead. Only Attach and closing end that.
func (c *EventConn) Left() bool { return c.state.Load() == detached }

// Attach says that the connection waits for bytes. The caller must not run it any more.
func (c *EventConn) Attach() {
	if c.state.CompareAndSwap(inline, attached) {
		return // on the leader, which goes on with the next
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() != detached {
		return
	}
	c.wakeLocked() // nobody waits; a goroutine that outlived its request must not go on doing so
	if r := c.rare; r != nil && r.readTimer == nil && r.writeTimer == nil && r.told == nil {
		c.rare = nil
	}
	if c.spent {
		c.spent = false
		c.controlLocked(c.levelLocked())
	}
	c.state.Store(attached)
	// What came while it was detached was not posted, or in vain.
	if c.stop {
		c.shard.post(c, Interrupted)
	}
	if c.timeouts.expired() != 0 {
		c.shard.post(c, Expired)
	}
}

// again is Attach, after which the connection is Readable at once, whatever the socket says.
func (c *EventConn) again() {
	c.Attach()
	c.shard.post(c, Readable)
}

// block waits until the socket is ready in one direction, by a goroutine that does not lead.
func (c *EventConn) block(write bool) error {
	c.Leave()
	c.mu.Lock()
	if err := c.over(write); err != nil {
		c.mu.Unlock()
		return err
	}
	if c.state.Load() != detached { // by a goroutine that outlived its request: the registration is the leader's
		c.mu.Unlock()
		return net.ErrClosed
	}
	w := &c.rareLocked().in
	if write {
		w = &c.rare.out
	}
	if w.wakeup == nil {
		w.wakeup = make(chan struct{}, 1)
	}
	w.wanted = true
	wakeup := w.wakeup
	err := c.armLocked()
	c.mu.Unlock()
	if err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	<-wakeup
	return c.over(write)
}

// over says why reading or writing makes no sense any more. A deadline that has passed does not keep an answer, such as
// 408, from being written; a write that was too slow does.
func (c *EventConn) over(write bool) error {
	if c.state.Load() == closed || c.has(cut) {
		return net.ErrClosed
	}
	if write {
		if reason := c.timeouts.expired(); reason != 0 && reason == c.shard.loop.reasons.WriteRate {
			return ErrExpired
		}
		if c.has(writeLate) {
			return os.ErrDeadlineExceeded
		}
		return nil
	}
	if c.timeouts.expired() != 0 && !c.has(lingering) {
		return ErrExpired
	}
	if c.has(readLate) {
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
	if c.state.Load() != detached { // else Attach looks
		c.shard.post(c, Expired)
	}
}

// Interrupt makes an attached connection Ready for the reason Interrupted, now or when it attaches.
func (c *EventConn) Interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = true
	if c.state.Load() != detached { // else Attach looks
		c.shard.post(c, Interrupted)
	}
}

// TryRead reads without waiting. It returns 0 and nil when there is nothing.
func (c *EventConn) TryRead(p []byte) (int, error) {
	n, err := c.receive(p)
	if n > 0 {
		c.timeouts.received(n)
	}
	return n, err
}

// received counts bytes for the least rate.
func (c *EventConn) received(n int) { c.timeouts.received(n) }

// receive is TryRead without counting.
func (c *EventConn) receive(p []byte) (int, error) {
	if !c.use() {
		return 0, net.ErrClosed
	}
	defer c.release()
	for {
		n, errno := recv(int(c.fd), p)
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
		return n, nil
	}
}

// maxRaw bounds what one raw system call copies: the scheduler, and with it the collector, waits for it.
const maxRaw = 128 << 10

// Read reads at least one byte.
func (c *EventConn) Read(p []byte) (int, error) {
	for {
		if err := c.over(false); err != nil {
			return 0, err
		}
		n, err := c.TryRead(p)
		if n > 0 || err != nil {
			return n, err
		}
		if err := c.block(false); err != nil {
			return 0, err
		}
	}
}

// Writev writes a and then b.
func (c *EventConn) Writev(a, b []byte) error {
	err := c.over(true)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		if a, err = c.trySend(a); err != nil || len(a) == 0 {
			return err
		}
	}
	total := int64(len(a) + len(b))
	c.timeouts.writing(c.shard.loop.heartbeat, total)
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
		if err := c.block(true); err != nil {
			c.gaveUp(total-int64(len(a)+len(b)), total)
			return err
		}
	}
}

// gaveUp keeps the measure of a write that was too slow.
func (c *EventConn) gaveUp(written, of int64) {
	if reason := c.Expired(); reason != 0 && reason == c.shard.loop.reasons.WriteRate {
		c.timeouts.slowWrite(written, of)
	}
}

// Measured is as Conn's.
func (c *EventConn) Measured() *Measure { return c.timeouts.slow.Load() }

// trySend writes what the socket takes and returns the rest.
func (c *EventConn) trySend(p []byte) ([]byte, error) {
	if !c.use() {
		return p, net.ErrClosed
	}
	defer c.release()
	for len(p) > 0 {
		n, errno := send(int(c.fd), p)
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
	for {
		n, errno := sendBoth(int(c.fd), a, b)
		switch errno {
		case 0:
			k := min(n, len(a))
			return a[k:], b[n-k:], nil
		case unix.EINTR:
		case unix.EAGAIN:
			return a, b, nil
		default:
			return a, b, os.NewSyscallError("sendmsg", errno)
		}
	}
}

// SendFrom writes n bytes of a file, or what it has, by sendfile(2); it reports false when it cannot and has written nothing.
func (c *EventConn) SendFrom(r io.Reader, n int64) (written int64, ok bool, err error) {
	source, limits := unwrap(r)
	f, isFile := source.(*os.File)
	if !isFile {
		return 0, false, nil
	}
	for _, limit := range limits {
		n = min(n, limit.N)
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, false, nil
	}
	c.Leave() // the disk may be slow
	for written < n {
		if err = c.over(true); err != nil {
			break
		}
		piece := min(sendPiece, n-written)
		c.timeouts.writing(c.shard.loop.heartbeat, piece)
		var m int64
		m, err = c.sendPiece(raw, piece)
		c.timeouts.wrote()
		if err != nil {
			c.gaveUp(m, piece)
		}
		written += m
		if written == 0 && err == unix.EINVAL {
			return 0, false, nil // not a file that can be sent this way
		}
		if err != nil || m < piece {
			break // the file has ended
		}
	}
	for _, limit := range limits {
		limit.N -= written
	}
	if errno, is := err.(syscall.Errno); is {
		err = os.NewSyscallError("sendfile", errno)
	}
	return written, true, err
}

// sendPiece sends n bytes of a file, or what it has.
func (c *EventConn) sendPiece(raw syscall.RawConn, n int64) (written int64, err error) {
	if !c.use() {
		return 0, net.ErrClosed
	}
	defer c.release()
	for written < n {
		var k int
		var failed error
		if err := raw.Control(func(fd uintptr) {
			k, failed = unix.Sendfile(int(c.fd), int(fd), nil, int(n-written))
		}); err != nil {
			return written, err
		}
		switch {
		case k > 0:
			written += int64(k)
		case failed == unix.EINTR:
		case failed == unix.EAGAIN:
			if err := c.block(true); err != nil {
				return written, err
			}
		case failed != nil:
			return written, failed
		default:
			return written, nil
		}
	}
	return written, nil
}

// SetTimeout, Expired, BodyRead, SetRates and Rates are as Conn's.
func (c *EventConn) SetTimeout(reason uint8, d time.Duration) {
	c.timeouts.set(c.shard.loop.heartbeat, reason, d)
}
func (c *EventConn) Expired() uint8    { return c.timeouts.expired() }
func (c *EventConn) BodyRead(on bool)  { c.timeouts.bodyRead(on) }
func (c *EventConn) SetRates(r *Rates) { c.timeouts.least.Store(r) }
func (c *EventConn) Rates() *Rates     { return c.timeouts.rates() }

// Watch calls fn once when the peer goes away, on a goroutine of its own, until Unwatch. The shard's epoll tells.
func (c *EventConn) Watch(fn func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rareLocked().watch = fn
	switch {
	case c.hungUp, c.state.Load() == closed:
		c.tellLocked()
	case c.spent:
		c.armLocked()
	}
}

// tellLocked calls the watch's function, which may do anything, and so neither with mu held nor on the leader.
func (c *EventConn) tellLocked() {
	r := c.rare
	if r == nil || r.watch == nil {
		return
	}
	fn, told := r.watch, make(chan struct{})
	r.watch, r.told = nil, told
	go func() {
		defer close(told)
		fn(net.ErrClosed)
	}()
}

// Unwatch ends a Watch. fn is not called after it, and has returned.
func (c *EventConn) Unwatch() {
	c.mu.Lock()
	var told chan struct{}
	if r := c.rare; r != nil {
		told = r.told
		r.watch, r.told = nil, nil
	}
	c.mu.Unlock()
	if told != nil {
		<-told
	}
}

// SetReadDeadline and SetWriteDeadline are the application's own deadlines, until ClearDeadlines.
func (c *EventConn) SetReadDeadline(t time.Time) error {
	c.raise(deadlines)
	c.setDeadline(t, readLate)
	return nil
}

func (c *EventConn) SetWriteDeadline(t time.Time) error {
	c.raise(deadlines)
	c.setDeadline(t, writeLate)
	return nil
}

func (c *EventConn) setDeadline(t time.Time, late uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rareLocked()
	timer := &r.readTimer
	if late == writeLate {
		timer = &r.writeTimer
	}
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	c.lower(late)
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		c.raise(late)
		c.wakeLocked()
		return
	}
	var mine *time.Timer
	mine = time.AfterFunc(left, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if *timer == mine {
			c.raise(late)
			c.wakeLocked()
		}
	})
	*timer = mine
}

// ClearDeadlines takes the application's deadlines back.
func (c *EventConn) ClearDeadlines() {
	if c.has(deadlines) {
		c.lower(deadlines)
		c.setDeadline(time.Time{}, readLate)
		c.setDeadline(time.Time{}, writeLate)
	}
}

// forget takes the connection out of everything that could find it. The leader that may be running it still leads.
func (c *EventConn) forget() bool {
	c.ClearDeadlines()
	c.mu.Lock()
	was := c.state.Swap(closed)
	c.wish = false
	if c.rare != nil {
		c.rare.watch = nil
	}
	c.wakeLocked()
	c.mu.Unlock()
	if was == closed {
		return false
	}
	if c.listed {
		c.shard.loop.table.remove(c.fd)
		// Closing would do, were it not for copies in other processes, and in children between fork and exec.
		unix.EpollCtl(c.shard.epfd, unix.EPOLL_CTL_DEL, int(c.fd), nil)
		c.shard.live.Add(-1)
	}
	return true
}

// Close closes the connection.
func (c *EventConn) Close() {
	if !c.forget() {
		return
	}
	if c.shared {
		unix.Shutdown(int(c.fd), unix.SHUT_RDWR)
	}
	c.release() // the one it was born with
}

// use keeps the descriptor open while a system call needs it; release ends that. It reports false after Close. A descriptor
// that was closed below a call would be another connection's by the next.
func (c *EventConn) use() bool {
	for {
		n := c.users.Load()
		if n <= 0 || c.state.Load() == closed {
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
	if !c.use() {
		return
	}
	defer c.release()
	unix.Shutdown(int(c.fd), unix.SHUT_RDWR)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked()
}

// Cut makes reads and writes fail from now on, from any goroutine; the owner still has to Abort.
func (c *EventConn) Cut() {
	if !c.use() {
		return
	}
	defer c.release()
	c.reset()
	unix.Shutdown(int(c.fd), unix.SHUT_RD) // not the other half: the peer is to see a reset, not an end
	c.raise(cut)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked()
}

// reset makes closing a reset.
func (c *EventConn) reset() {
	unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// Abort closes the connection with a reset. When it is shared, the reset is sent by whoever closes it last.
func (c *EventConn) Abort() {
	if c.use() {
		c.reset()
		c.release()
	}
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
	c.raise(lingering)
	until := time.Now().Add(lingerFor)
	c.SetReadDeadline(until)
	for total := 0; total < lingerSize; {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
	c.Leave()
	time.Sleep(time.Until(until))
}

// Detach makes an ordinary connection of it and hands that to the caller.
func (c *EventConn) Detach() (net.Conn, []byte) {
	c.Leave() // what the caller does with it will take its time
	local := c.LocalAddr()
	if !c.forget() {
		return closedConn{local, c.RemoteAddr()}, nil
	}
	defer c.release()
	copied, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return closedConn{local, c.RemoteAddr()}, nil
	}
	f := os.NewFile(uintptr(copied), "conn")
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return closedConn{local, c.RemoteAddr()}, nil
	}
	return nc, nil
}

// RemoteAddr and LocalAddr are the two ends.
func (c *EventConn) RemoteAddr() net.Addr { return c.remote.net() }

func (c *EventConn) LocalAddr() net.Addr {
	if !c.use() {
		return nil
	}
	defer c.release()
	local := addressOf(unix.SYS_GETSOCKNAME, int(c.fd))
	return local.net()
}

// closedConn stands for a connection that could not be detached.
type closedConn struct{ local, remote net.Addr }

func (closedConn) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (closedConn) Write([]byte) (int, error)        { return 0, net.ErrClosed }
func (closedConn) Close() error                     { return nil }
func (c closedConn) LocalAddr() net.Addr            { return c.local }
func (c closedConn) RemoteAddr() net.Addr           { return c.remote }
func (closedConn) SetDeadline(time.Time) error      { return net.ErrClosed }
func (closedConn) SetReadDeadline(time.Time) error  { return net.ErrClosed }
func (closedConn) SetWriteDeadline(time.Time) error { return net.ErrClosed }

// Share says that another process holds a copy of the connection.
func (c *EventConn) Share() { c.shared = true }

// SyscallConn gives access to the descriptor.
func (c *EventConn) SyscallConn() (syscall.RawConn, error) { return rawEventConn{c}, nil }

// rawEventConn is an EventConn's descriptor. It offers no waiting.
type rawEventConn struct{ c *EventConn }

func (r rawEventConn) Control(f func(fd uintptr)) error {
	if !r.c.use() {
		return net.ErrClosed
	}
	defer r.c.release()
	f(uintptr(r.c.fd))
	return nil
}

func (r rawEventConn) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (r rawEventConn) Write(func(uintptr) bool) error { return errors.ErrUnsupported }
