package compat

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// connectConn is the client's side of an HTTP/2 connection that can open extended CONNECTs (RFC 8441), which net/http's client cannot.
type connectConn struct {
	t      *testing.T
	nc     net.Conn
	scheme string
	done   chan struct{} // closed when nothing is read any more

	sending sync.Mutex // guards what follows
	framer  *http2.Framer
	block   bytes.Buffer
	fields  *hpack.Encoder
	nextID  uint32

	mu         sync.Mutex // guards what follows, and the streams
	changed    *sync.Cond
	streams    map[uint32]*connectStream
	window     int64 // how much the server takes
	initial    int64 // and of a stream in the beginning
	announced  bool  // that the server takes extended CONNECTs
	configured bool
	err        error
}

// connectStream is one exchange.
type connectStream struct {
	c      *connectConn
	id     uint32
	header map[string]string // nil until it has come
	in     bytes.Buffer
	window int64
	err    error // io.EOF at its end
}

func dialConnect(t *testing.T, s *site) *connectConn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	scheme := "http"
	if s.TLS != nil {
		scheme = "https"
		cfg := s.TLS.Clone()
		cfg.ServerName, cfg.NextProtos = "127.0.0.1", []string{"h2"}
		nc = tls.Client(nc, cfg)
	}
	c := &connectConn{t: t, nc: nc, scheme: scheme, done: make(chan struct{}), framer: http2.NewFramer(nc, nc), nextID: 1,
		streams: map[uint32]*connectStream{}, window: 65535, initial: 65535}
	c.changed = sync.NewCond(&c.mu)
	c.fields = hpack.NewEncoder(&c.block)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := c.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	go c.receive()
	t.Cleanup(func() {
		nc.Close()
		<-c.done
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.configured && c.err == nil {
		c.changed.Wait()
	}
	if !c.announced {
		t.Fatalf("the server does not announce extended CONNECT (%v)", c.err)
	}
	return c
}

// receive reads frames until the connection ends.
func (c *connectConn) receive() {
	defer close(c.done)
	for {
		f, err := c.framer.ReadFrame()
		if err == nil {
			var reply func() error
			if reply, err = c.received(f); reply != nil { // without mu, which is taken behind sending
				err = c.send(reply)
			}
		}
		if err != nil {
			c.mu.Lock()
			c.err = err
			c.changed.Broadcast()
			c.mu.Unlock()
			return
		}
	}
}

// received takes a frame, and returns what is to be sent because of it.
func (c *connectConn) received(f http2.Frame) (reply func() error, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.changed.Broadcast()
	s := c.streams[f.Header().StreamID]
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return nil, nil
		}
		if n, ok := f.Value(http2.SettingInitialWindowSize); ok {
			c.initial = int64(n)
		}
		n, _ := f.Value(http2.SettingEnableConnectProtocol)
		c.announced, c.configured = n == 1, true
		return c.framer.WriteSettingsAck, nil
	case *http2.WindowUpdateFrame:
		if s != nil {
			s.window += int64(f.Increment)
		} else if f.StreamID == 0 {
			c.window += int64(f.Increment)
		}
	case *http2.PingFrame:
		data := f.Data
		return func() error { return c.framer.WritePing(true, data) }, nil
	case *http2.GoAwayFrame:
		return nil, fmt.Errorf("GOAWAY %v", f.ErrCode)
	case *http2.RSTStreamFrame:
		if s != nil && s.err == nil {
			s.err = fmt.Errorf("RST_STREAM %v", f.ErrCode)
		}
	case *http2.MetaHeadersFrame:
		if s == nil {
			return nil, errors.New("a response to nothing")
		}
		s.header = map[string]string{}
		for _, field := range f.Fields {
			s.header[field.Name] = field.Value
		}
		if f.StreamEnded() {
			s.err = io.EOF
		}
	case *http2.DataFrame:
		if s == nil {
			return nil, errors.New("data of nothing")
		}
		s.in.Write(f.Data())
		if f.StreamEnded() {
			s.err = io.EOF
		}
		if id, n := f.StreamID, f.Length; n > 0 {
			return func() error {
				return errors.Join(c.framer.WriteWindowUpdate(0, n), c.framer.WriteWindowUpdate(id, n))
			}, nil
		}
	}
	return nil, nil
}

// send writes frames one after the other.
func (c *connectConn) send(write func() error) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return write()
}

// open sends a header section. fields are names and values in turn; :scheme and :authority are added.
func (c *connectConn) open(end bool, fields ...string) *connectStream {
	s := &connectStream{c: c}
	err := c.send(func() error {
		s.id, c.nextID = c.nextID, c.nextID+2
		c.mu.Lock()
		s.window = c.initial
		c.streams[s.id] = s
		c.mu.Unlock()
		c.block.Reset()
		fields = append([]string{":scheme", c.scheme, ":authority", "test.example"}, fields...)
		for _, pseudo := range []bool{true, false} { // they come first
			for i := 0; i < len(fields); i += 2 {
				if (fields[i][0] == ':') == pseudo {
					c.fields.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
				}
			}
		}
		return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: c.block.Bytes(), EndStream: end, EndHeaders: true})
	})
	if err != nil {
		c.t.Errorf("stream %d: %v", s.id, err)
	}
	return s
}

// until waits with mu held.
func (s *connectStream) until(holds func() bool) error {
	for !holds() {
		switch {
		case s.err != nil:
			return s.err
		case s.c.err != nil:
			return s.c.err
		}
		s.c.changed.Wait()
	}
	return nil
}

// head waits for the header section of the response.
func (s *connectStream) head() (map[string]string, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	err := s.until(func() bool { return s.header != nil })
	return s.header, err
}

func (s *connectStream) Read(p []byte) (int, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if err := s.until(func() bool { return s.in.Len() > 0 }); err != nil {
		return 0, err
	}
	return s.in.Read(p)
}

// Write keeps to the server's windows.
func (s *connectStream) Write(p []byte) (int, error) {
	c := s.c
	for rest := p; len(rest) > 0; {
		c.mu.Lock()
		if err := s.until(func() bool { return s.window > 0 && c.window > 0 }); err != nil {
			c.mu.Unlock()
			return 0, err
		}
		n := min(int64(len(rest)), s.window, c.window, 16384)
		s.window -= n
		c.window -= n
		c.mu.Unlock()
		if err := c.send(func() error { return c.framer.WriteData(s.id, false, rest[:n]) }); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// end ends our side.
func (s *connectStream) end() error {
	return s.c.send(func() error { return s.c.framer.WriteData(s.id, true, nil) })
}

func (s *connectStream) reset() error {
	return s.c.send(func() error { return s.c.framer.WriteRSTStream(s.id, http2.ErrCodeCancel) })
}
