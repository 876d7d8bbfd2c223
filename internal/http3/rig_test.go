package http3

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/qpack"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// rig is the engine with QUIC and an owner in memory.
type rig struct {
	t    *testing.T
	conn *Conn
	quic *memConn
	done chan struct{}

	serve     func(*Stream) error
	elsewhere bool

	mu     sync.Mutex
	failed *ConnectionError
	ended  []Report
}

func newRig(t *testing.T, serve func(*Stream) error, change func(*Config)) *rig {
	cfg := &Config{Scheme: "https", Limits: Limits{
		MaxFieldSize: 32768, MaxRequestLineSize: 8192, MaxRequestHeadersTotalSize: 32768, MaxRequestHeaderCount: 100, MaxRequestBodySize: 1 << 20,
		MaxResponseBufferSize: 64 << 10, KeepAliveTimeout: 130 * time.Second, RequestHeadersTimeout: 30 * time.Second,
	}}
	if change != nil {
		change(cfg)
	}
	r := &rig{t: t, serve: serve, quic: newMemConn(), done: make(chan struct{})}
	r.conn = NewConn(cfg, r.quic, r, 0)
	go func() {
		r.conn.Run()
		close(r.done)
	}()
	t.Cleanup(func() {
		r.quic.Close(NoError, "")
		<-r.done
	})
	return r
}

// tick lets seconds pass.
func (r *rig) tick(seconds int) {
	for range seconds {
		r.conn.Tick(r.conn.now.Load() + int64(time.Second))
	}
}

func (r *rig) NewStream() *Stream                                    { return new(Stream) }
func (r *rig) Recycle(*Stream)                                       {}
func (r *rig) Busy()                                                 {}
func (r *rig) Waits()                                                {}
func (r *rig) Elsewhere(*Stream) bool                                { return r.elsewhere }
func (r *rig) Serve(s *Stream) error                                 { return r.serve(s) }
func (r *rig) Failed(*Stream, error)                                 {}
func (r *rig) Broken(v any)                                          { r.t.Errorf("a mistake of the engine: %v", v) }
func (r *rig) Rejected(*Stream, *httpcommon.BadRequestError) *Answer { return nil }

func (r *rig) Ended(s *Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, s.Report())
}

func (r *rig) ConnectionFailed(e *ConnectionError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = e
}

// memConn is a Connection in memory.
type memConn struct {
	streams chan *memStream
	closed  chan struct{}
	once    sync.Once
	code    ErrCode
	early   bool
	nextID  uint64
	control *memStream
}

func newMemConn() *memConn {
	c := &memConn{streams: make(chan *memStream, 1000), closed: make(chan struct{})}
	c.control = c.newStream()
	return c
}

var errMemClosed = &LostError{Cause: errors.New("closed")}

func (c *memConn) AcceptStream() (BidiStream, error) {
	select {
	case s := <-c.streams:
		return s, nil
	case <-c.closed:
		return nil, errMemClosed
	}
}

func (c *memConn) TryAcceptStream() (BidiStream, error) {
	select {
	case s := <-c.streams:
		return s, nil
	case <-c.closed:
		return nil, errMemClosed
	default:
		return nil, ErrWouldBlock
	}
}

func (c *memConn) AcceptUniStream() (ReceiveStream, error) {
	<-c.closed
	return nil, errMemClosed
}

func (c *memConn) OpenUniStream() (SendStream, error) { return c.control, nil }

func (c *memConn) Close(code ErrCode, _ string) {
	c.once.Do(func() {
		c.code = code
		close(c.closed)
	})
}

func (c *memConn) Early() bool        { return c.early }
func (c *memConn) RTT() time.Duration { return time.Millisecond }

// memStream is a stream in memory. mu guards what follows it.
type memStream struct {
	c  *memConn
	id uint64

	mu       sync.Mutex
	changed  *sync.Cond
	in       []byte
	inEnded  bool
	out      []byte
	outEnded bool
	full     bool // nothing is taken
	reset    *ResetError
	deadline bool
}

func (c *memConn) newStream() *memStream {
	s := &memStream{c: c, id: c.nextID}
	c.nextID += 4
	s.changed = sync.NewCond(&s.mu)
	go func() { // whoever waits hears of the connection's end
		<-c.closed
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	}()
	return s
}

func (c *memConn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// open opens a request's stream.
func (r *rig) open(end bool, in ...[]byte) *memStream {
	s := r.quic.newStream()
	s.in, s.inEnded = bytes.Join(in, nil), end
	r.quic.streams <- s
	return s
}

func (s *memStream) ID() uint64 { return s.id }

func (s *memStream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.reset != nil:
			return 0, s.reset
		case s.c.isClosed():
			return 0, errMemClosed
		case s.deadline:
			return 0, os.ErrDeadlineExceeded
		case len(s.in) > 0:
			n := copy(p, s.in)
			s.in = s.in[n:]
			if len(s.in) == 0 && s.inEnded {
				return n, io.EOF
			}
			return n, nil
		case s.inEnded:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *memStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.full && s.reset == nil && !s.c.isClosed() {
		s.changed.Wait()
	}
	switch {
	case s.reset != nil:
		return 0, s.reset
	case s.c.isClosed():
		return 0, errMemClosed
	}
	s.out = append(s.out, p...)
	return len(p), nil
}

func (s *memStream) WriteCounted(p []byte, left Counter) (int, error) {
	n, err := s.Write(p)
	left(n)
	return n, err
}

func (s *memStream) Release() {}

func (s *memStream) TryWrite(p []byte) error {
	s.mu.Lock()
	full := s.full
	s.mu.Unlock()
	if full {
		return ErrWouldBlock
	}
	_, err := s.Write(p)
	return err
}

func (s *memStream) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.changed.Broadcast()
}

func (s *memStream) Close() error { s.change(func() { s.outEnded = true }); return nil }

func (s *memStream) CancelRead(code ErrCode) { s.change(func() { s.inEnded = true }) }

func (s *memStream) CancelWrite(code ErrCode) {
	s.change(func() {
		if s.reset == nil {
			s.reset = &ResetError{Code: code}
		}
	})
}

func (s *memStream) SetReadDeadline(t time.Time) error {
	s.change(func() { s.deadline = !t.IsZero() })
	return nil
}

func (s *memStream) SetWriteDeadline(time.Time) error     { return nil }
func (s *memStream) SetPriority(httpcommon.Priority)      {}
func (s *memStream) OnAborted(fn func(error)) func() bool { return func() bool { return true } }

// answer waits for the end of a response, and returns its status and content, or why it was reset.
func (s *memStream) answer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.outEnded && s.reset == nil && !s.c.isClosed() {
		s.changed.Wait()
	}
	if s.reset != nil {
		return s.reset.Code.String()
	}
	text := ""
	for b := s.out; len(b) > 0; {
		f, n := readFrameHead(b)
		p := b[n : n+int(f.length)]
		b = b[n+int(f.length):]
		switch f.kind {
		case frameData:
			text += " " + string(p)
		case frameHeaders:
			field, err := qpack.NewDecoder().Decode(p)()
			if err != nil {
				return err.Error()
			}
			text += field.Value
		}
	}
	return text
}

// want expects an answer.
func (r *rig) want(why string, s *memStream, want string) {
	r.t.Helper()
	if got := s.answer(); got != want {
		r.t.Errorf("%s: it is answered %q, want %q", why, got, want)
	}
}

// aHead is the HEADERS frame of a request.
func aHead(method, path string, fields ...string) []byte {
	b, at := beginHeaders(nil)
	all := append([]string{":method", method, ":scheme", "https", ":authority", "a.test", ":path", path}, fields...)
	for i := 0; i < len(all); i += 2 {
		b = appendField(b, all[i], all[i+1])
	}
	endHeaders(b, at)
	return b
}

func aData(s string) []byte { return append(appendFrameHead(nil, frameData, uint64(len(s))), s...) }

func say(s string) func(*Stream) error {
	return func(x *Stream) error {
		_, err := x.Response().Write([]byte(s))
		return err
	}
}
