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
)

// ErrExpired is what Read and Writev return after a deadline has passed.
var ErrExpired = errors.New("transport: the connection's deadline has passed")

// ErrInterrupted is what Read returns after Interrupt, when no byte had come.
var ErrInterrupted = errors.New("transport: the wait was interrupted")

// Reasons tells a Conn which reason stands for a data rate that was not met.
type Reasons struct{ ReadRate, WriteRate uint8 }

// Conn is a net.Conn with one coarse deadline, measured data rates, a watch for the peer's going away, and waits that can
// be interrupted. One goroutine reads and one writes, which may be the same; all else is theirs together. Interrupt, Cut,
// SetRates and the two deadlines are safe from any goroutine.
type Conn struct {
	nc        net.Conn
	heartbeat *Heartbeat
	reasons   Reasons
	timeouts  timeouts

	phase   atomic.Uint32
	vectors net.Buffers
	shared  bool
	joins   bool // it is TLS: two writes would be two records
	mark    func(reading bool)

	// The watch. first is the byte that it read, which belongs to the next Read.
	watch     chan struct{}
	unwatch   atomic.Bool
	first     [1]byte
	haveFirst bool
	deadlines atomic.Bool // the application set deadlines
}

// What an interruption may find.
const (
	phaseActive       uint32 = iota // busy: it will look by itself
	phaseWaiting                    // in a Read that may be interrupted
	phaseInterrupting               // Interrupt is about to set the deadline
	phaseInterrupted
)

// past is any time that has passed.
var past = time.Unix(1, 0)

// NewConn puts nc under the heartbeat. Close, Abort or Detach take it out again.
func NewConn(nc net.Conn, h *Heartbeat, reasons Reasons) *Conn {
	c := &Conn{nc: nc, heartbeat: h, reasons: reasons}
	_, c.joins = nc.(interface{ NetConn() net.Conn })
	h.add(c)
	return c
}

// LocalAddr and RemoteAddr are the two ends.
func (c *Conn) LocalAddr() net.Addr  { return c.nc.LocalAddr() }
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// SyscallConn gives access to the descriptor, where there is one.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if raw, ok := c.nc.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// SetRates sets the least data rates; nil is none.
func (c *Conn) SetRates(r *Rates) { c.timeouts.least.Store(r) }

// Rates returns them, never nil.
func (c *Conn) Rates() *Rates { return c.timeouts.rates() }

// Measured is what was measured of a read or write that was too slow; nil when none was.
func (c *Conn) Measured() *Measure { return c.timeouts.slow.Load() }

// SetTimeout arms the one deadline, and begins a new measurement of the read rate.
func (c *Conn) SetTimeout(reason uint8, d time.Duration) { c.timeouts.set(c.heartbeat, reason, d) }

// Expired is the reason of the deadline that has passed, or 0.
func (c *Conn) Expired() uint8 { return c.timeouts.expired() }

// BodyRead says that a read counts for the read rate.
func (c *Conn) BodyRead(on bool) { c.timeouts.bodyRead(on) }

// tick is the heartbeat's.
func (c *Conn) tick(now, elapsed int64) {
	c.timeouts.check(now, elapsed, c.reasons.ReadRate, c.reasons.WriteRate)
	// Again at every beat while the connection lingers: whoever sets a deadline of its own right after ours would else
	// take the wake-up away.
	switch c.Expired() {
	case 0:
	case c.reasons.WriteRate:
		c.reset()
		c.nc.SetDeadline(past)
	default:
		c.nc.SetReadDeadline(past)
	}
}

// Read reads at least one byte.
func (c *Conn) Read(p []byte) (int, error) {
	if c.haveFirst {
		c.haveFirst = false
		p[0] = c.first[0]
		return 1, nil
	}
	if c.Expired() != 0 {
		return 0, ErrExpired
	}
	n, err := c.nc.Read(p)
	if n > 0 {
		c.timeouts.received(n)
		return n, nil
	}
	if err == nil {
		return 0, io.ErrNoProgress
	}
	if c.Expired() != 0 {
		return 0, ErrExpired
	}
	return 0, err
}

// Wait is Read for the wait between requests: Interrupt ends it with ErrInterrupted. stop is asked after the wait has
// become interruptible and before it begins; true interrupts it at once.
func (c *Conn) Wait(p []byte, stop func() bool) (int, error) {
	c.phase.Store(phaseWaiting)
	if stop() {
		c.endWait()
		return 0, ErrInterrupted
	}
	n, err := c.waitRead(p)
	if c.endWait() && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, ErrInterrupted
	}
	return n, err
}

// waitRead is Read, telling mark whether a byte may have been taken.
func (c *Conn) waitRead(p []byte) (int, error) {
	raw, ok := c.nc.(syscall.Conn)
	if c.mark == nil || !ok || c.haveFirst || c.Expired() != 0 {
		if c.mark != nil {
			c.mark(true)
		}
		return c.Read(p)
	}
	n, err := markedRead(raw, p, c.mark)
	if c.Expired() != 0 && n == 0 {
		return 0, ErrExpired
	}
	return n, err
}

// Share says that another process holds a copy of the connection: Close shuts it down first.
func (c *Conn) Share() { c.shared = true }

// Mark sets a function that hears, in Wait, true before a byte can have been taken from the connection, and false when
// none was. Whoever watches from outside is thus never told that nothing was read when something was.
func (c *Conn) Mark(fn func(reading bool)) { c.mark = fn }

// endWait makes the connection busy again and reports whether it was interrupted.
func (c *Conn) endWait() bool {
	if c.phase.CompareAndSwap(phaseWaiting, phaseActive) {
		return false
	}
	for c.phase.Load() != phaseInterrupted {
		time.Sleep(time.Microsecond) // Interrupt is between two instructions
	}
	c.nc.SetReadDeadline(time.Time{})
	c.phase.Store(phaseActive)
	return true
}

// Interrupt ends a Wait that is under way.
func (c *Conn) Interrupt() {
	if c.phase.CompareAndSwap(phaseWaiting, phaseInterrupting) {
		c.nc.SetReadDeadline(past)
		c.phase.Store(phaseInterrupted)
	}
}

// Writev writes a and then b. A deadline that has passed does not keep an answer, such as 408, from being written; a
// write that was too slow does.
func (c *Conn) Writev(a, b []byte) error {
	if c.tooSlow() {
		return ErrExpired
	}
	c.timeouts.writing(c.heartbeat, int64(len(a)+len(b)))
	defer c.timeouts.wrote()
	var err error
	var n int
	var m int64
	switch {
	case len(b) == 0:
		n, err = c.nc.Write(a)
	case len(a) == 0:
		n, err = c.nc.Write(b)
	case c.joins && len(a)+len(b) <= recordSize:
		record := records.Get().(*[recordSize]byte)
		n, err = c.nc.Write(append(append(record[:0], a...), b...))
		records.Put(record)
	default:
		c.vectors = append(c.vectors[:0], a, b)
		v := c.vectors
		m, err = c.vectors.WriteTo(c.nc)
		clear(v[:2])
		c.vectors = v[:0]
	}
	if err != nil && c.tooSlow() {
		c.timeouts.slowWrite(int64(n)+m, int64(len(a)+len(b)))
	}
	return err
}

// recordSize is the most that a record of TLS holds (RFC 8446 §5.1).
const recordSize = 1 << 14

var records = sync.Pool{New: func() any { return new([recordSize]byte) }}

// tooSlow reports whether a write was given up because the peer reads too slowly.
func (c *Conn) tooSlow() bool {
	reason := c.Expired()
	return reason != 0 && reason == c.reasons.WriteRate
}

// SetReadDeadline and SetWriteDeadline are the application's own deadlines, until ClearDeadlines.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.deadlines.Store(true)
	return c.nc.SetReadDeadline(t)
}

func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.deadlines.Store(true)
	return c.nc.SetWriteDeadline(t)
}

// ClearDeadlines takes the application's deadlines back.
func (c *Conn) ClearDeadlines() {
	if c.deadlines.CompareAndSwap(true, false) {
		c.nc.SetDeadline(time.Time{})
	}
}

// Watch calls fn once when the peer goes away, until Unwatch. Read must not be called meanwhile.
func (c *Conn) Watch(fn func(error)) {
	if c.haveFirst {
		return // an earlier watch has read a byte that waits: this one is over, too, or it would read the byte behind it
	}
	c.unwatch.Store(false)
	c.watch = make(chan struct{})
	go c.watchPeer(fn)
}

// watchPeer waits in a read of one byte. A byte that comes belongs to the next request, and ends the watch. So does a
// deadline: ours (Unwatch, Cut, a rate) or the application's; none of them means that the peer has gone.
func (c *Conn) watchPeer(fn func(error)) {
	defer close(c.watch)
	n, err := c.nc.Read(c.first[:])
	c.haveFirst = n == 1
	if err != nil && !c.unwatch.Load() && !errors.Is(err, os.ErrDeadlineExceeded) {
		fn(err)
	}
}

// Unwatch ends a Watch and waits until fn will not be called any more.
func (c *Conn) Unwatch() {
	if c.watch == nil {
		return
	}
	c.unwatch.Store(true)
	c.nc.SetReadDeadline(past)
	<-c.watch
	c.watch = nil
	c.nc.SetReadDeadline(time.Time{})
}

// Close closes the connection. One with TLS says first that this is its end.
func (c *Conn) Close() {
	c.heartbeat.remove(c)
	c.sever(c.nc)
}

// Sever ends the connection from any goroutine, while its owner may be using it; the owner still has to Close or Abort.
func (c *Conn) Sever() { c.sever(below(c.nc)) }

func (c *Conn) sever(nc net.Conn) {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && c.shared {
		half.CloseWrite()
	}
	nc.Close()
}

// below is what carries TLS, or else nc. It is what is closed when a connection is cut: the close_notify that closing TLS sends would
// make a response that ends with the connection look whole (RFC 8446 §6.1), and sending it may take seconds.
func below(nc net.Conn) net.Conn {
	for {
		above, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nc
		}
		nc = above.NetConn()
	}
}

// lingerFor bounds how long a client is given to read the last answer while it is still sending.
const (
	lingerFor  = time.Second
	lingerSize = 256 << 10
)

// CloseLingering ends the sending side and reads on for a little while: closing with unread input would make the kernel
// send a reset, which can destroy the answer before the client has read it (RFC 9112 §9.6).
func (c *Conn) CloseLingering() {
	c.heartbeat.remove(c) // the deadline below is this one's own
	defer c.Close()
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	until := time.Now().Add(lingerFor)
	c.nc.SetReadDeadline(until)
	buf := make([]byte, 4096)
	for total := 0; total < lingerSize; {
		n, err := c.nc.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
	time.Sleep(time.Until(until)) // a client that sends even more is no longer read, but has the time to see its answer
}

// Abort closes the connection so that the peer sees that it was cut: with a reset, where there is one.
func (c *Conn) Abort() {
	c.reset()
	c.heartbeat.remove(c)
	below(c.nc).Close()
}

// Cut makes reads and writes fail from now on, also those under way; the owner still has to Abort. It is for giving a
// connection up from any goroutine.
func (c *Conn) Cut() {
	c.reset()
	c.nc.SetDeadline(past)
}

func (c *Conn) reset() {
	if tcp, ok := below(c.nc).(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// Detach takes the connection out of the heartbeat and hands it to the caller. A byte that the watch has read goes with
// it, as first.
func (c *Conn) Detach() (nc net.Conn, first []byte) {
	c.heartbeat.remove(c)
	c.deadlines.Store(false)
	c.nc.SetDeadline(time.Time{}) // also one that the heartbeat had just set
	if c.haveFirst {
		c.haveFirst = false
		return c.nc, c.first[:]
	}
	return c.nc, nil
}
