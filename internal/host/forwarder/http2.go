package forwarder

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// http2Client speaks HTTP/2 to the worker of one Upstream, by the standard library's client (docs/decisions/0012). The library
// owns the connections' streams; the Upstream has the connections, so that Close leaves none.
type http2Client struct {
	u         *Upstream
	transport *http.Transport

	mu     sync.Mutex
	closed bool
	conns  map[*http2Conn]struct{}
}

// maxHead bounds the head of a response, as bufferSize does over HTTP/1.1.
const maxHead = bufferSize

// streamWindow is how much of a response body the worker may send ahead of a client that is slow to take it.
const streamWindow = 256 << 10

func newHTTP2Client(u *Upstream) *http2Client {
	h := &http2Client{u: u, conns: make(map[*http2Conn]struct{})}
	h.transport = &http.Transport{
		DialContext:            h.dial,
		DisableCompression:     true, // what the client accepts is for the worker to see
		ExpectContinueTimeout:  u.opts.ContinueTimeout,
		MaxResponseHeaderBytes: maxHead,
		Protocols:              new(http.Protocols),
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow},
	}
	h.transport.Protocols.SetUnencryptedHTTP2(true)
	if u.opts.IdleTimeout < noLimit {
		h.transport.IdleConnTimeout = u.opts.IdleTimeout
	}
	return h
}

// dialFailed tells a connection that could not be made from one that failed.
type dialFailed struct{ error }

func (e *dialFailed) Unwrap() error { return e.error }

// dial makes a connection. It is for whoever needs it by then, so a request that is given up does not end it.
func (h *http2Client) dial(context.Context, string, string) (net.Conn, error) {
	nc, err := h.u.dial(h.u.ctx, h.u.opts.ConnectTimeout)
	if err != nil {
		return nil, &dialFailed{err}
	}
	c := &http2Conn{Conn: nc, h: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		nc.Close()
		return nil, &dialFailed{errClosedUpstream}
	}
	h.conns[c] = struct{}{}
	h.u.mu.Lock()
	h.u.stats.Opened++
	h.u.mu.Unlock()
	return c, nil
}

var errClosedUpstream = errors.New("the upstream is closed")

// close ends all connections, whatever runs on them.
func (h *http2Client) close() {
	h.mu.Lock()
	h.closed = true
	all := make([]*http2Conn, 0, len(h.conns))
	for c := range h.conns {
		all = append(all, c)
	}
	h.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
}

// http2Conn is a connection that its Upstream knows, and whose bytes it counts.
type http2Conn struct {
	net.Conn
	h           *http2Client
	once        sync.Once
	read, wrote atomic.Int64
	begin       [len("HTTP/1.")]byte // of what was received; only Read uses it
	http1       atomic.Bool          // the worker answers in HTTP/1.1
}

func (c *http2Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	before := c.read.Load()
	c.read.Store(before + int64(n))
	if before < int64(len(c.begin)) {
		copy(c.begin[before:], p[:n])
		if string(c.begin[:]) == "HTTP/1." {
			c.http1.Store(true)
		}
	}
	return n, err
}

func (c *http2Conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote.Add(int64(n))
	return n, err
}

// Close takes the connection out of those of its Upstream.
func (c *http2Conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.h.mu.Lock()
		delete(c.h.conns, c)
		c.h.mu.Unlock()
		u := c.h.u
		u.mu.Lock()
		defer u.mu.Unlock()
		u.stats.BytesSent += uint64(c.wrote.Load())
		u.stats.BytesReceived += uint64(c.read.Load())
	})
	return err
}
