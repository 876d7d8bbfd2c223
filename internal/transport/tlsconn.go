package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// looped is what a TLSConn needs of the connection below besides Inline.
type looped interface {
	Inline
	// receive reads without waiting and counts nothing; received counts.
	receive(p []byte) (int, error)
	received(n int)
	// block waits until the socket is ready in one direction; over says why that makes no sense any more.
	block(write bool) error
	over(write bool) error
	// again is Attach, after which the connection is Readable at once.
	again()
}

// TLSConn is a connection on a loop that is encrypted. Its handshake is made by a goroutine that waits; after it, records are
// opened and made as the socket is ready, by package crypto/tls, which believes that it has a net.Conn: a read that finds nothing
// fails with a temporary error, after which crypto/tls goes on where it was, and what it writes is collected and sent together.
// What it does with records that cannot be sent yet is in DESIGN.md.
//
// It is the loop's Events and the owner's Inline.
type TLSConn struct {
	looped
	tls    *tls.Conn
	owner  atomic.Pointer[Events]
	shake  *shaking // what it has besides in the handshake; nil before and after it
	secure bool     // the handshake is over; the same

	// The reader's.
	drained  bool  // the socket had no more, when it was last read
	more     bool  // something is left to read that the socket does not tell of
	headed   uint8 // bytes of the next record's header that crypto/tls has had
	header   [recordHeader]byte
	left     int     // bytes of the record that it is being fed with, as far as they are known of
	in       *[]byte // what was read and not yet opened lies in (*in)[from:to]; nil for nothing
	from, to int

	raw atomic.Pointer[net.Conn] // what is below after Detach

	sending sync.Mutex // held by whoever sends: a writer waits for it, a reader leaves what it has to the holder
	wish    atomic.Bool
	mu      sync.Mutex
	out     []byte // records that wait to be sent; guarded by mu
	pooled  *[]byte
}

// NewTLSConn makes a connection on a loop one that will be encrypted. owner hears its events. A connection of another kind than those
// of a Loop is a mistake of the caller.
func NewTLSConn(below Inline, owner Events) *TLSConn {
	t := &TLSConn{looped: below.(looped)}
	t.owner.Store(&owner)
	return t
}

var (
	_ Inline = (*TLSConn)(nil)
	_ Events = (*TLSConn)(nil)
	_ Seized = (*TLSConn)(nil)
)

// Handshake makes the handshake, on a goroutine that may wait: after Leave. The connection's deadline ends it.
func (t *TLSConn) Handshake(ctx context.Context, cfg *tls.Config, hooks Handshaking) error {
	t.shake = &shaking{Handshaking: hooks}
	t.tls = tls.Server((*tlsSocket)(t), cfg)
	err := t.tls.HandshakeContext(ctx)
	t.shake = nil
	t.secure = err == nil
	return err
}

// ConnectionState is what the handshake has come to.
func (t *TLSConn) ConnectionState() tls.ConnectionState { return t.tls.ConnectionState() }

// WritePlain writes to a client that has not begun a handshake.
func (t *TLSConn) WritePlain(p []byte) error { return t.looped.Writev(p, nil) }

// Become changes who hears of events. The caller runs the connection.
func (t *TLSConn) Become(owner Events) { t.owner.Store(&owner) }

// Ready implements Events. What waits to be sent goes first.
func (t *TLSConn) Ready(why Why) {
	if why == Writable {
		if !t.flushed() {
			t.looped.NotifyWritable()
			t.Attach()
			return
		}
		if !t.wish.Swap(false) {
			why = Readable // only the records waited
		}
	}
	(*t.owner.Load()).Ready(why)
}

// Seized implements Seized.
func (t *TLSConn) Seized() {
	if owner, ok := (*t.owner.Load()).(Seized); ok {
		owner.Seized()
	}
}

// Attach says that the connection waits for bytes.
func (t *TLSConn) Attach() {
	if t.more {
		t.again()
		return
	}
	t.looped.Attach()
}

// TryRead reads without waiting. It returns 0 and nil when there is nothing.
func (t *TLSConn) TryRead(p []byte) (int, error) {
	t.drained, t.more = false, false
	total := 0
	for total < len(p) {
		n, err := t.tls.Read(p[total:])
		total += n
		if err == errNothing {
			break
		}
		if err != nil {
			t.flush() // an alert
			if total == 0 {
				return 0, err
			}
			t.more = true // to be told the error, which crypto/tls keeps
			break
		}
		if t.in == nil && t.drained && total < len(p) { // it was fed with whole records, and all of them are read
			break
		}
	}
	if total == len(p) {
		t.more = true
	}
	t.received(total)
	if t.waits() {
		t.flush()
	}
	return total, nil
}

// Read reads at least one byte.
func (t *TLSConn) Read(p []byte) (int, error) {
	for {
		if err := t.over(false); err != nil {
			return 0, err
		}
		n, err := t.TryRead(p)
		if n > 0 || err != nil {
			return n, err
		}
		if err := t.block(false); err != nil {
			return 0, err
		}
	}
}

// maxBatch is how much is encrypted before it is sent.
const maxBatch = 4 * recordSize

// Writev writes a and then b.
func (t *TLSConn) Writev(a, b []byte) error {
	if err := t.over(true); err != nil {
		return err
	}
	t.sending.Lock()
	defer t.release()
	for len(a)+len(b) > 0 {
		var batch [2][]byte
		k := min(len(a), maxBatch)
		batch[0], a = a[:k], a[k:]
		k = min(len(b), maxBatch-k)
		batch[1], b = b[:k], b[k:]
		if err := t.seal(batch[:]); err != nil {
			return err
		}
		if err := t.sendAll(); err != nil {
			return err
		}
	}
	return nil
}

// TryWrite writes what is taken without waiting.
func (t *TLSConn) TryWrite(p []byte) (int, error) {
	one := [1][]byte{p}
	return t.TryWritev(one[:])
}

// TryWritev is TryWrite for several buffers. Up to maxBatch bytes are taken, even if the socket takes only some of their records: the
// others wait here, and nothing is taken until they are gone.
func (t *TLSConn) TryWritev(bufs [][]byte) (n int, err error) {
	if err := t.over(true); err != nil {
		return 0, err
	}
	t.sending.Lock()
	defer t.release()
	for len(bufs) > 0 {
		if sent, err := t.send(); !sent || err != nil {
			return n, err
		}
		var batch [maxVec][]byte
		k, size := 0, 0
		for len(bufs) > 0 && k < len(batch) && size < maxBatch {
			part := bufs[0]
			if room := maxBatch - size; len(part) > room { // the caller's slice must not change
				batch[k], size = part[:room], maxBatch
				bufs = append([][]byte{part[room:]}, bufs[1:]...)
			} else {
				batch[k] = part
				size += len(part)
				bufs = bufs[1:]
			}
			k++
		}
		if err := t.seal(batch[:k]); err != nil {
			return n, err
		}
		n += size
		sent, err := t.send()
		if err != nil {
			return n, err
		}
		if !sent {
			t.looped.NotifyWritable()
			break
		}
	}
	return n, nil
}

// NotifyWritable asks for one Ready(Writable).
func (t *TLSConn) NotifyWritable() {
	t.wish.Store(true)
	t.looped.NotifyWritable()
}

// maxVec is how many buffers go in one system call, or one batch.
const maxVec = 16

// seal makes records of buffers, which it fills: several small ones become one record.
func (t *TLSConn) seal(bufs [][]byte) error {
	total := 0
	for _, p := range bufs {
		total += len(p)
	}
	t.reserve(total)
	var record *[recordSize]byte
	n := 0
	defer func() {
		if record != nil {
			records.Put(record)
		}
	}()
	for i, p := range bufs {
		for len(p) > 0 {
			if n == 0 && (len(p) >= recordSize || i == len(bufs)-1) {
				k := min(len(p), recordSize)
				if _, err := t.tls.Write(p[:k]); err != nil {
					return err
				}
				p = p[k:]
				continue
			}
			if record == nil {
				record = records.Get().(*[recordSize]byte)
			}
			k := copy(record[n:], p)
			n, p = n+k, p[k:]
			if n == len(record) {
				if _, err := t.tls.Write(record[:n]); err != nil {
					return err
				}
				n = 0
			}
		}
	}
	if n == 0 {
		return nil
	}
	_, err := t.tls.Write(record[:n])
	return err
}

// SendFrom reports that there is no such way: the bytes must be encrypted.
func (t *TLSConn) SendFrom(io.Reader, int64) (int64, bool, error) { return 0, false, nil }

// take returns the records that wait to be sent. The caller, which holds sending, gives their memory back.
func (t *TLSConn) take() ([]byte, *[]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out, pooled := t.out, t.pooled
	t.out, t.pooled = nil, nil
	return out, pooled
}

// giveBack is what was not sent, before what was collected meanwhile.
func (t *TLSConn) giveBack(rest []byte, pooled *[]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.out) > 0 {
		rest = append(rest[:len(rest):len(rest)], t.out...)
		putOut(t.pooled)
	}
	t.out, t.pooled = rest, pooled
}

// waits reports whether records wait to be sent.
func (t *TLSConn) waits() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.out) > 0
}

// send sends what the socket takes, and reports whether that was all. The caller holds sending.
func (t *TLSConn) send() (bool, error) {
	out, pooled := t.take()
	if len(out) == 0 {
		return true, nil
	}
	n, err := t.looped.TryWrite(out)
	if n == len(out) {
		putOut(pooled)
		return true, nil
	}
	t.giveBack(out[n:], pooled)
	return false, err
}

// sendAll waits until all is sent. The caller holds sending.
func (t *TLSConn) sendAll() error {
	out, pooled := t.take()
	if len(out) == 0 {
		return nil
	}
	err := t.looped.Writev(out, nil)
	putOut(pooled)
	return err
}

// release ends sending. What a reader has left meanwhile is sent.
func (t *TLSConn) release() {
	t.sending.Unlock()
	if t.waits() {
		t.flush()
	}
}

// flush sends what waits as far as the socket takes it, and sees to the rest, unless somebody is sending, who will do so.
func (t *TLSConn) flush() {
	for t.waits() && t.sending.TryLock() {
		sent, err := t.send()
		t.sending.Unlock()
		if !sent {
			if err == nil {
				t.looped.NotifyWritable()
			}
			return
		}
	}
}

// flushed does so and reports whether nothing waits any more, or a write would fail anyhow.
func (t *TLSConn) flushed() bool {
	t.sending.Lock()
	sent, err := t.send()
	t.sending.Unlock()
	return sent || err != nil
}

// byeTime bounds how long a client may take to read the last records, if its least rate does not.
const byeTime = 30 * time.Second

// bye sends what waits, which the owner believes sent, and says that this is the end (RFC 8446 §6.1).
func (t *TLSConn) bye() {
	if !t.secure || t.over(true) != nil {
		return
	}
	if !t.flushed() {
		t.Leave()
		t.SetWriteDeadline(time.Now().Add(byeTime))
		t.sending.Lock()
		err := t.sendAll()
		t.sending.Unlock()
		if err != nil {
			return
		}
	}
	t.tls.CloseWrite()
	t.flushed()
}

// Close, CloseLingering and Abort end the connection. The last says nothing, so that what was cut does not look whole.
func (t *TLSConn) Close() {
	t.bye()
	t.looped.Close()
	t.forget()
}

func (t *TLSConn) CloseLingering() {
	t.bye()
	t.looped.CloseLingering()
	t.forget()
}

func (t *TLSConn) Abort() {
	t.looped.Abort()
	t.forget()
}

// forget gives the memory back of a connection that is closed. The caller runs it.
func (t *TLSConn) forget() {
	t.emptied()
	if t.sending.TryLock() {
		_, pooled := t.take()
		putOut(pooled)
		t.sending.Unlock()
	}
}

// Detach makes an ordinary connection of it, a *tls.Conn, and hands that to the caller.
func (t *TLSConn) Detach() (net.Conn, []byte) {
	t.Leave()
	t.sending.Lock()
	defer t.sending.Unlock()
	if t.secure {
		t.sendAll()
	}
	nc, first := t.looped.Detach()
	if !t.secure {
		return nc, first
	}
	t.raw.Store(&nc)
	return t.tls, nil
}
