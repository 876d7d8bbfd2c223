//go:build linux

package httpconn

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2/hpack"
)

// indexed is a client of HTTP/2 that sends the same hundred requests again and again: every field is in the tables.
type indexed struct {
	nc       net.Conn
	requests []byte // with ids to be filled in
	at       []int  // where the ids are
	next     uint32
	in       []byte
}

func frameOf(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}, payload...)
}

const perRead = 100

func newIndexed(t testing.TB, nc net.Conn) *indexed {
	c := &indexed{nc: nc, next: 1, in: make([]byte, 64<<10)}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encode := func() []byte {
		block.Reset()
		for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/plaintext"}, {":authority", "localhost:8080"}, {"user-agent", "bench"}, {"accept", "*/*"}} {
			encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		return bytes.Clone(block.Bytes())
	}
	io.WriteString(nc, http2.Preface)
	nc.Write(frameOf(4, 0, 0, []byte{0, 4, 0x7f, 0xff, 0xff, 0xff}))
	nc.Write(frameOf(8, 0, 0, []byte{0x7f, 0xff, 0, 0}))
	nc.Write(frameOf(4, 1, 0, nil))
	nc.Write(frameOf(1, 5, c.id(), encode())) // fills the tables
	c.answers(t, 1)
	second := encode()
	for range perRead {
		c.at = append(c.at, len(c.requests)+5)
		c.requests = append(c.requests, frameOf(1, 5, 0, second)...)
	}
	return c
}

func (c *indexed) id() uint32 {
	c.next += 2
	return c.next - 2
}

// turn sends a hundred requests in one write and reads their answers.
func (c *indexed) turn(t testing.TB) {
	for _, at := range c.at {
		id := c.id()
		c.requests[at], c.requests[at+1], c.requests[at+2], c.requests[at+3] = byte(id>>24), byte(id>>16), byte(id>>8), byte(id)
	}
	c.nc.Write(c.requests)
	c.answers(t, perRead)
}

// answers reads until that many streams have ended.
func (c *indexed) answers(t testing.TB, n int) {
	have := 0
	for n > 0 {
		k, err := c.nc.Read(c.in[have:])
		if err != nil {
			t.Fatal(err)
		}
		have += k
		b := c.in[:have]
		for len(b) >= 9 {
			size := 9 + int(b[0])<<16 + int(b[1])<<8 + int(b[2])
			if len(b) < size {
				break
			}
			switch {
			case b[3] == 3 || b[3] == 7:
				t.Fatalf("the server sent %x", b[:size])
			case b[3] <= 1 && b[4]&1 != 0:
				n--
			}
			b = b[size:]
		}
		have = copy(c.in, b)
	}
}

func allocsOverHTTP2(t *testing.T, cfg Config, dial func(m *Manager) (net.Conn, func())) float64 {
	cfg.Logger = discard
	m := New(cfg)
	nc, stop := dial(m)
	c := newIndexed(t, nc)
	for range 20 {
		c.turn(t)
	}
	n := testing.AllocsPerRun(200, func() { c.turn(t) }) / perRead
	nc.Close()
	stop()
	m.Stop(context.Background())
	return n
}

// inMemory is the portable transport, on which each request has a goroutine.
func inMemory(m *Manager) (net.Conn, func()) {
	near, far := pipe()
	m.Serve(far, &Endpoint{Name: "alloc", Scheme: "http", Protocols: HTTP2}, Options{})
	return near, func() {}
}

func plainText(c *server.Context) error {
	c.SetHeader("Content-Type", "text/plain")
	_, err := c.Write(ok)
	return err
}

func TestHTTP2AllocatesLittleOnTheLoop(t *testing.T) {
	if raceBuild {
		t.Skip("the race detector allocates")
	}
	onLoop := func(m *Manager) (net.Conn, func()) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		stop := m.Listen(l, &Endpoint{Name: "alloc", Scheme: "http"}, func() Options { return Options{} })
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return nc, stop
	}
	// The one allocation per read is the event loop's own, in its wait.
	for _, tt := range []struct {
		name string
		app  server.Application
		exec Exec
		dial func(*Manager) (net.Conn, func())
		most float64
	}{
		{"server.ContextHandler on the loop", server.ContextHandler(plainText), Inline, onLoop, 0.05},
		{"server.ContextHandler, as it chooses", server.ContextHandler(plainText), Auto, onLoop, 0.05},
		{"http.Handler on the loop", httpApp(func(w http.ResponseWriter, r *http.Request) { w.Write(ok) }), Inline, onLoop, 5},
		{"server.ContextHandler on goroutines", server.ContextHandler(plainText), Goroutine, onLoop, 1.1},
		{"server.ContextHandler in memory", server.ContextHandler(plainText), Auto, inMemory, 2.1},
		{"http.Handler in memory", httpApp(func(w http.ResponseWriter, r *http.Request) { w.Write(ok) }), Auto, inMemory, 6},
	} {
		n := allocsOverHTTP2(t, Config{App: tt.app, Exec: tt.exec, EventLoop: true}, tt.dial)
		t.Logf("%s: %.3f allocations per request", tt.name, n)
		if n > tt.most {
			t.Errorf("%s: %.3f allocations per request, want at most %g", tt.name, n, tt.most)
		}
	}
}
