package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// ErrExpired is what Read and Writev return after a deadline has passed.
var ErrExpired = errors.New("transport: the connection's deadline has passed")

// ErrInterrupted is what Read returns after Interrupt, when no byte had come.
var ErrInterrupted = errors.New("transport: the wait was interrupted")

// Reasons tells a Conn which reason stands for a data rate that was not met.
type Reasons struct{ ReadRate, WriteRate uint8 }

// Conn is a net.Conn with one coarse deadline, measured data rates, a watch for the peer's going away, and waits that can
// be interrupted. One goroutine uses it; Interrupt, Abort and SetRates are safe from any.
type Conn struct {
	nc        net.Conn
	heartbeat *Heartbeat
	reasons   Reasons
	timeouts  timeouts

	phase   atomic.Uint32
	vectors net.Buffers

	// The watch. first is the byte that it read, which belongs to the next Read.
	watch     chan struct{}
	unwatch   atomic.Bool
	first     [1]byte
	haveFirst bool
	deadlines bool // the application set deadlines
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
	h.add(c)
	return c
}

// NetConn is the connection below.
func (c *Conn) NetConn() net.Conn { return c.nc }

// SetRates sets the least data rates; nil means none.
func (c *Conn) SetRates(read, write *Rate) {
	c.timeouts.readRate.Store(read)
	c.timeouts.writeRate.Store(write)
}

// Rates returns the least data rates; nil means none.
func (c *Conn) Rates() (read, write *Rate) {
	return c.timeouts.readRate.Load(), c.timeouts.writeRate.Load()
}

// SetTimeout arms the one deadline, and begins a new measurement of the read rate.
func (c *Conn) SetTimeout(reason uint8, d time.Duration) { c.timeouts.set(c.heartbeat, reason, d) }

// Expired is the reason of the deadline that has passed, or 0.
func (c *Conn) Expired() uint8 { return c.timeouts.expired() }

// BodyRead says that a read counts for the read rate.
func (c *Conn) BodyRead(on bool) { c.timeouts.reading.Store(on) }

// tick is the heartbeat's.
func (c *Conn) tick(now, elapsed int64) {
	switch reason := c.timeouts.check(now, elapsed, c.reasons.ReadRate, c.reasons.WriteRate); reason {
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
		if c.timeouts.reading.Load() {
			c.timeouts.readBytes.Add(int64(n))
		}
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
	n, err := c.Read(p)
	if c.endWait() && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, ErrInterrupted
	}
	return n, err
}

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

// Writev writes a and then b.
func (c *Conn) Writev(a, b []byte) error {
	if c.Expired() != 0 {
		return ErrExpired
	}
	c.timeouts.writing(c.heartbeat, int64(len(a)+len(b)))
	defer c.timeouts.wrote()
	var err error
	switch {
	case len(b) == 0:
		_, err = c.nc.Write(a)
	case len(a) == 0:
		_, err = c.nc.Write(b)
	default:
		c.vectors = append(c.vectors[:0], a, b)
		v := c.vectors
		_, err = c.vectors.WriteTo(c.nc)
		clear(v[:2])
		c.vectors = v[:0]
	}
	return err
}

// SendFrom writes n bytes from r by sendfile(2) or splice(2); it reports false when it cannot and has written nothing.
func (c *Conn) SendFrom(r io.Reader, n int64) (int64, bool, error) {
	to, ok := c.nc.(*net.TCPConn)
	if !ok || !sendable(r) {
		return 0, false, nil
	}
	c.timeouts.writing(c.heartbeat, n)
	defer c.timeouts.wrote()
	written, err := to.ReadFrom(&io.LimitedReader{R: r, N: n})
	return written, true, err
}

func sendable(r io.Reader) bool {
	switch r := r.(type) {
	case *os.File, *net.TCPConn, *net.UnixConn:
		return true
	case *io.LimitedReader:
		return sendable(r.R)
	}
	return false
}

// SetReadDeadline and SetWriteDeadline are the application's own deadlines, until ClearDeadlines.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.deadlines = true
	return c.nc.SetReadDeadline(t)
}

func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.deadlines = true
	return c.nc.SetWriteDeadline(t)
}

// ClearDeadlines takes the application's deadlines back.
func (c *Conn) ClearDeadlines() {
	if c.deadlines {
		c.deadlines = false
		c.nc.SetDeadline(time.Time{})
	}
}

// Watch calls fn once when the peer goes away, until Unwatch. Read must not be called meanwhile.
func (c *Conn) Watch(fn func(error)) {
	c.unwatch.Store(false)
	c.watch = make(chan struct{})
	go c.watchPeer(fn)
}

// watchPeer waits in a read of one byte. A byte that comes belongs to the next request, and ends the watch.
func (c *Conn) watchPeer(fn func(error)) {
	defer close(c.watch)
	n, err := c.nc.Read(c.first[:])
	c.haveFirst = n == 1
	if err != nil && !c.unwatch.Load() {
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

// Close closes the connection.
func (c *Conn) Close() {
	c.heartbeat.remove(c)
	c.nc.Close()
}

// lingerFor bounds how long a client is given to read the last answer while it is still sending.
const (
	lingerFor  = time.Second
	lingerSize = 256 << 10
)

// CloseLingering ends the sending side and reads on for a little while: closing with unread input would make the kernel
// send a reset, which can destroy the answer before the client has read it (RFC 9112 §9.6).
func (c *Conn) CloseLingering() {
	defer c.Close()
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(lingerFor))
	buf := make([]byte, 4096)
	for total := 0; total < lingerSize; {
		n, err := c.nc.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}

// Abort closes the connection so that the peer sees that it was cut: with a reset, where there is one.
func (c *Conn) Abort() {
	c.reset()
	c.Close()
}

func (c *Conn) reset() {
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// Detach takes the connection out of the heartbeat and hands it to the caller. A byte that the watch has read goes with
// it, as first.
func (c *Conn) Detach() (nc net.Conn, first []byte) {
	c.heartbeat.remove(c)
	c.ClearDeadlines()
	if c.haveFirst {
		c.haveFirst = false
		return c.nc, c.first[:]
	}
	return c.nc, nil
}
