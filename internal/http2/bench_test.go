package http2

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"golang.org/x/net/http2/hpack"
)

// sink is a Wire that takes all and a Handler that recycles, without what a rig remembers.
type sink struct {
	app     func(*Stream) error
	conn    *Conn
	resumed chan Next
	pool    []*Stream
	wrote   int
}

func (k *sink) Write(p []byte) (int, error) { k.wrote += len(p); return len(p), nil }
func (k *sink) Writev(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		n += len(b)
	}
	k.wrote += n
	return n, nil
}
func (k *sink) NotifyWritable()                 {}
func (k *sink) SetTimeout(uint8, time.Duration) {}
func (k *sink) NewStream() *Stream {
	if n := len(k.pool); n > 0 {
		s := k.pool[n-1]
		k.pool = k.pool[:n-1]
		return s
	}
	return new(Stream)
}
func (k *sink) Recycle(s *Stream)                                           { k.pool = append(k.pool, s) }
func (k *sink) Elsewhere(*Stream) bool                                      { return false }
func (k *sink) Left(*Stream) bool                                           { return false }
func (k *sink) Serve(s *Stream) error                                       { return k.app(s) }
func (k *sink) GoOn()                                                       { go func() { k.resumed <- k.conn.Resume() }() }
func (k *sink) Wake()                                                       {}
func (k *sink) Failed(*Stream, error)                                       {}
func (k *sink) Ended(*Stream)                                               {}
func (k *sink) Broken(v any)                                                { panic(v) }
func (k *sink) LastReturned()                                               {}
func (k *sink) ConnectionFailed(e *ConnectionError)                         { panic(e) }
func (k *sink) Rejected(_ *Stream, bad *httpcommon.BadRequestError) *Answer { panic(bad) }

// requests is what a client sends again and again: HEADERS, and DATA if there is a body, on a new stream each time.
type requests struct {
	wire []byte
	ids  []int // where the stream's id stands
	next uint32
}

func newRequests(body []byte, fields ...string) *requests {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSize(0)
	for i := 0; i < len(fields); i += 2 {
		encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1], Sensitive: true})
	}
	flags := uint8(flagEndHeaders)
	if body == nil {
		flags |= flagEndStream
	}
	q := &requests{next: 1, ids: []int{5}, wire: aFrame(frameHeaders, flags, 0, block.Bytes())}
	if body != nil {
		q.ids = append(q.ids, len(q.wire)+5)
		q.wire = append(q.wire, aFrame(frameData, flagEndStream, 0, body)...)
	}
	return q
}

func (q *requests) send(k *sink) {
	c := k.conn
	for _, at := range q.ids {
		binary.BigEndian.PutUint32(q.wire[at:], q.next)
	}
	q.next += 2
	c.Preload(q.wire)
	if c.Process() == Gone {
		<-k.resumed
	}
}

func benchmark(b *testing.B, q *requests, app func(*Stream) error) {
	k := &sink{app: app, resumed: make(chan Next)}
	cfg := &Config{Limits: limits(), Scheme: "http", ServerHeader: "Lanner", Date: func() string { return "Sun, 06 Nov 1994 08:49:37 GMT" }}
	c := NewConn(cfg, k, k, 0, false)
	k.conn = c
	c.Preload([]byte(Preface))
	c.Preload(settings(settingInitialWindowSize, maxWindow))
	c.Process()
	window := appendWindowUpdate(nil, 0, 1<<20)
	for range 100 { // the window is opened step by step: it begins with 64 KiB
		c.Preload(window)
		c.Process()
	}
	q.send(k)
	b.ReportAllocs()
	for b.Loop() {
		q.send(k)
		if c.sendWindow < 1<<20 {
			c.Preload(window)
			c.Process()
		}
	}
	if k.wrote < b.N || len(k.pool) != 1 {
		b.Fatalf("%d bytes were written for %d requests, %d streams are left", k.wrote, b.N, len(k.pool))
	}
}

func get() *requests {
	return newRequests(nil, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "localhost", "user-agent", "bench", "accept", "*/*")
}

// BenchmarkResponse is a small answer that is held back whole, with the fields that a page has.
func BenchmarkResponse(b *testing.B) {
	body := []byte("Hello, World!")
	benchmark(b, get(), func(s *Stream) error {
		r := s.Response()
		h := r.Header()
		h.Add("Content-Type", "text/html; charset=utf-8")
		h.Add("Cache-Control", "no-cache")
		h.Add("ETag", `"33a64df5"`)
		h.Add("Vary", "Accept-Encoding")
		h.Add("X-Content-Type-Options", "nosniff")
		h.Add("Set-Cookie", "id=a3fWa; Secure; HttpOnly")
		_, err := r.Write(body)
		return err
	})
}

// BenchmarkStreamed is an answer of 32 KiB in writes of 4 KiB, with a Content-Length, a flush and trailers.
func BenchmarkStreamed(b *testing.B) {
	part := make([]byte, 4<<10)
	benchmark(b, get(), func(s *Stream) error {
		r := s.Response()
		r.Header().Add("Content-Length", "32768")
		r.Trailers().Add("Checksum", "1")
		for i := range 8 {
			if _, err := r.Write(part); err != nil {
				return err
			}
			if i == 3 {
				if err := r.Flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// BenchmarkUpload is a request with a body of 1 KiB that is read.
func BenchmarkUpload(b *testing.B) {
	in := make([]byte, 4<<10)
	q := newRequests(make([]byte, 1<<10), ":method", "POST", ":scheme", "http", ":path", "/", ":authority", "localhost", "content-length", "1024")
	benchmark(b, q, func(s *Stream) error {
		body, total := s.Request().Body(), 0
		for {
			n, err := body.Read(in)
			if total += n; err == io.EOF && total == 1<<10 {
				return nil
			}
			if err != nil {
				b.Errorf("%d bytes of a body were read: %v", total, err)
				return err
			}
		}
	})
}
