// Package memnet is a network in memory, for tests: connections and listeners without ports, which block only in ways
// that testing/synctest understands.
package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Pipe returns the two ends of a connection. Each direction holds up to size bytes that have not been read; a write
// beyond blocks. Closing an end lets the other read what is buffered, then io.EOF.
func Pipe(size int) (client, server *Conn) {
	up, down := newHalf(size), newHalf(size)
	client = &Conn{in: down, out: up, local: "client", remote: "server"}
	server = &Conn{in: up, out: down, local: "server", remote: "client"}
	return client, server
}

// Conn is one end. It implements net.Conn and CloseWrite.
type Conn struct {
	in, out       *half
	local, remote string
}

func (c *Conn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close closes both directions.
func (c *Conn) Close() error {
	c.in.close(syscall.EPIPE)
	c.out.end()
	c.in.abort(net.ErrClosed)
	return nil
}

// CloseWrite ends the direction of writing.
func (c *Conn) CloseWrite() error {
	c.out.end()
	return nil
}

// Reset closes the connection so that the other end reads ECONNRESET, also what is buffered being lost.
func (c *Conn) Reset() {
	c.out.abort(syscall.ECONNRESET)
	c.in.close(syscall.ECONNRESET)
	c.in.abort(net.ErrClosed)
}

func (c *Conn) LocalAddr() net.Addr  { return addr(c.local) }
func (c *Conn) RemoteAddr() net.Addr { return addr(c.remote) }

func (c *Conn) SetDeadline(t time.Time) error {
	c.in.readBy.set(c.in, t)
	c.out.writeBy.set(c.out, t)
	return nil
}

func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.readBy.set(c.in, t)
	return nil
}

func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.writeBy.set(c.out, t)
	return nil
}

// half is one direction.
type half struct {
	mu      sync.Mutex
	changed sync.Cond
	buf     []byte
	taken   int // how much of buf has been read
	size    int
	ended   bool  // the writer is through
	readErr error // what the reader gets, whatever is buffered
	sendErr error // what the writer gets
	readBy  deadline
	writeBy deadline
}

func newHalf(size int) *half {
	h := &half{size: size}
	h.changed.L = &h.mu
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readErr != nil:
			return 0, h.readErr
		case h.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case h.waitingLocked() > 0:
			n := copy(p, h.buf[h.taken:])
			if h.taken += n; h.taken == len(h.buf) {
				h.buf, h.taken = h.buf[:0], 0
			}
			h.changed.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (h *half) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	total := 0
	for {
		switch {
		case h.sendErr != nil:
			return total, h.sendErr
		case h.ended:
			return total, net.ErrClosed
		case h.writeBy.passed:
			return total, os.ErrDeadlineExceeded
		case len(p) == 0:
			return total, nil
		}
		if n := min(len(p), h.size-h.waitingLocked()); n > 0 {
			if h.taken > h.size { // no more than size lies before what waits
				h.buf, h.taken = append(h.buf[:0], h.buf[h.taken:]...), 0
			}
			h.buf = append(h.buf, p[:n]...)
			p, total = p[n:], total+n
			h.changed.Broadcast()
			continue
		}
		h.changed.Wait()
	}
}

// waitingLocked is the number of bytes that have been written and not read.
func (h *half) waitingLocked() int { return len(h.buf) - h.taken }

// end is the writer's: what is buffered can still be read.
func (h *half) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.changed.Broadcast()
}

// close is the reader's: writes fail from now on.
func (h *half) close(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sendErr = err
	h.changed.Broadcast()
}

// abort makes reads fail with err.
func (h *half) abort(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readErr = err
	h.changed.Broadcast()
}

// deadline is one of a half's, guarded by its mutex.
type deadline struct {
	passed bool
	timer  *time.Timer
	setNo  int
}

func (d *deadline) set(h *half, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.setNo++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.passed = !t.IsZero() && !t.After(time.Now())
	if !t.IsZero() && !d.passed {
		no := d.setNo
		d.timer = time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if d.setNo == no {
				d.passed = true
				h.changed.Broadcast()
			}
		})
	}
	h.changed.Broadcast()
}

type addr string

func (a addr) Network() string { return "mem" }
func (a addr) String() string  { return string(a) }

// Listener is a net.Listener whose connections come from Dial.
type Listener struct {
	size  int
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

// Listen returns a listener; its connections buffer size bytes in each direction.
func Listen(size int) *Listener {
	return &Listener{size: size, conns: make(chan net.Conn), done: make(chan struct{})}
}

// Dial connects; it blocks until the connection is accepted.
func (l *Listener) Dial() (*Conn, error) {
	client, server := Pipe(l.size)
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, errors.New("memnet: connection refused")
	}
}

func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *Listener) Addr() net.Addr { return addr("mem") }
