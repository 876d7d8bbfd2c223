package transport

import (
	"io"
	"net"
	"sync"
	"time"
)

// tlsSocket is a TLSConn as what crypto/tls reads from and writes to.
type tlsSocket TLSConn

// errNothing says that there is nothing to read now. It is temporary: crypto/tls goes on with the record that it was reading.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "there is nothing to read yet" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// inputSize holds a record of the largest size, and a little of the next.
const inputSize = 5 + recordSize + 256 + 1<<10

var inputs = sync.Pool{New: func() any { b := make([]byte, inputSize); return &b }}

// Buffers of records are of two sizes: for a few records of short answers, and for a whole batch. overhead is what a record has besides
// its content, or more.
const (
	smallOut = 4 << 10
	largeOut = maxBatch + 4<<10
	overhead = 64
)

var (
	smallOuts = sync.Pool{New: func() any { b := make([]byte, 0, smallOut); return &b }}
	largeOuts = sync.Pool{New: func() any { b := make([]byte, 0, largeOut); return &b }}
)

func getOut(size int) *[]byte {
	if size+overhead > smallOut {
		return largeOuts.Get().(*[]byte)
	}
	return smallOuts.Get().(*[]byte)
}

func putOut(b *[]byte) {
	switch {
	case b == nil:
	case cap(*b) == smallOut:
		smallOuts.Put(b)
	case cap(*b) == largeOut:
		largeOuts.Put(b)
	}
}

// reserve makes room for the records of n bytes, where nothing waits to be sent.
func (t *TLSConn) reserve(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pooled == nil && len(t.out) == 0 {
		t.pooled = getOut(n)
		t.out = (*t.pooled)[:0]
	}
}

// Read feeds crypto/tls with one record at a time, so that it keeps no more than that, and that the end of what was read is known.
func (s *tlsSocket) Read(p []byte) (int, error) {
	t := (*TLSConn)(s)
	if t.shake.cuts() {
		if n, err := t.readCut(p); n > 0 || err != nil {
			return n, err
		}
	}
	if t.in == nil {
		if raw := t.raw.Load(); raw != nil {
			return (*raw).Read(p)
		}
		if err := t.fill(); err != nil {
			return 0, err
		}
	}
	have := (*t.in)[t.from:t.to]
	if t.left == 0 {
		k := copy(t.header[t.headed:], have)
		t.left = k
		if t.headed += uint8(k); t.headed == recordHeader {
			t.left += int(t.header[3])<<8 | int(t.header[4])
			t.headed = 0
		}
	}
	n := copy(p, have[:min(len(have), t.left)])
	if err := t.shake.heard(have[:n]); err != nil {
		return 0, err
	}
	t.left -= n
	t.took(n)
	return n, nil
}

// took drops bytes that crypto/tls has had.
func (t *TLSConn) took(n int) {
	t.from += n
	if t.from == t.to {
		t.emptied()
	}
}

const recordHeader = 5

// fill reads from the socket: after the handshake without waiting. While it waits it has no buffer.
func (t *TLSConn) fill() error {
	if t.drained {
		return errNothing
	}
	if t.shake.answered() { // what the client says to that is some way off
		if err := t.await(); err != nil {
			return err
		}
	}
	for {
		if t.in == nil {
			t.in = inputs.Get().(*[]byte)
		}
		n, err := t.receive(*t.in)
		if n > 0 {
			t.from, t.to = 0, n
			t.drained = t.secure && n < len(*t.in) // more that comes is told by the loop
			return nil
		}
		t.emptied()
		switch {
		case err != nil:
			return err
		case t.secure:
			t.drained = true
			return errNothing
		}
		if err := t.await(); err != nil {
			return err
		}
	}
}

// await waits for the client in the midst of a handshake.
func (t *TLSConn) await() error {
	if s := t.shake; s.Wait != nil {
		s.Wait()
		defer s.GoOn()
	}
	if err := t.over(false); err != nil {
		return err
	}
	return t.block(false)
}

// emptied gives the buffer back.
func (t *TLSConn) emptied() {
	if t.in != nil {
		inputs.Put(t.in)
		t.in, t.from, t.to = nil, 0, 0
	}
}

// Write collects records, or sends them when crypto/tls has to see that it is done: in the handshake, and after Detach.
func (s *tlsSocket) Write(p []byte) (int, error) {
	t := (*TLSConn)(s)
	if raw := t.raw.Load(); raw != nil {
		return (*raw).Write(p)
	}
	if !t.secure {
		t.shake.sent = true
		if err := t.looped.Writev(p, nil); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pooled == nil && len(t.out) == 0 {
		t.pooled = getOut(len(p))
		t.out = (*t.pooled)[:0]
	}
	t.out = append(t.out, p...) // beyond what it was made for it becomes another, which is not kept
	return len(p), nil
}

// Close, CloseWrite and the deadlines are those of the connection below, after Detach.
func (s *tlsSocket) Close() error {
	if raw := s.raw.Load(); raw != nil {
		return (*raw).Close()
	}
	(*TLSConn)(s).Sever()
	return nil
}

func (s *tlsSocket) deadline(set func(net.Conn) error) error {
	if raw := s.raw.Load(); raw != nil {
		return set(*raw)
	}
	return nil // there are others on a loop
}

func (s *tlsSocket) SetDeadline(at time.Time) error {
	return s.deadline(func(nc net.Conn) error { return nc.SetDeadline(at) })
}

func (s *tlsSocket) SetReadDeadline(at time.Time) error {
	return s.deadline(func(nc net.Conn) error { return nc.SetReadDeadline(at) })
}

func (s *tlsSocket) SetWriteDeadline(at time.Time) error {
	return s.deadline(func(nc net.Conn) error { return nc.SetWriteDeadline(at) })
}

func (s *tlsSocket) LocalAddr() net.Addr  { return s.looped.LocalAddr() }
func (s *tlsSocket) RemoteAddr() net.Addr { return s.looped.RemoteAddr() }

// NetConn is what is below after Detach, as of a tls.Conn; nil before.
func (s *tlsSocket) NetConn() net.Conn {
	if raw := s.raw.Load(); raw != nil {
		return *raw
	}
	return nil
}

var _ io.ReadWriteCloser = (*tlsSocket)(nil)
