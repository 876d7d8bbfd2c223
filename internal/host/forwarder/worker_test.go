package forwarder

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

// worker is a program that listens on a port, written as a script on bytes.
type worker struct {
	listener net.Listener
	accepted atomic.Int32
	mu       sync.Mutex
	conns    []net.Conn
	running  sync.WaitGroup
}

// workerConn is one connection to the worker.
type workerConn struct {
	net.Conn
	r *bufio.Reader
	n int // 1 for the first connection
}

// startWorker runs script for each connection, and closes the connection when it returns.
func startWorker(t testing.TB, script func(c *workerConn)) *worker {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{listener: listener}
	w.running.Add(1)
	go w.accept(script)
	t.Cleanup(w.stop)
	return w
}

func (w *worker) accept(script func(c *workerConn)) {
	defer w.running.Done()
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		c := &workerConn{Conn: conn, r: bufio.NewReader(conn), n: int(w.accepted.Add(1))}
		w.mu.Lock()
		w.conns = append(w.conns, conn)
		w.mu.Unlock()
		w.running.Add(1)
		go func() {
			defer w.running.Done()
			defer conn.Close()
			script(c)
		}()
	}
}

// stop ends the worker and all its connections, as a kill does, and waits for the scripts.
func (w *worker) stop() {
	w.listener.Close()
	w.mu.Lock()
	for _, c := range w.conns {
		c.Close()
	}
	w.mu.Unlock()
	w.running.Wait()
}

func (w *worker) addr() string { return w.listener.Addr().String() }

// head reads the head of the next request; "" at the end of the connection.
func (c *workerConn) head() string {
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return ""
		}
		if line == "\r\n" {
			return b.String()
		}
	}
}

func (c *workerConn) send(s string) { io.WriteString(c, s) }

func (c *workerConn) body(n int) string {
	b := make([]byte, n)
	n, _ = io.ReadFull(c.r, b)
	return string(b[:n])
}

// reset closes the connection so that the other end gets a reset instead of an end.
func (c *workerConn) reset() {
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// answering is the script of a worker that answers every request without a body the same way.
func answering(response string) func(*workerConn) {
	return func(c *workerConn) {
		for c.head() != "" {
			c.send(response)
		}
	}
}

// upstreamOf returns an upstream for addr that ends with the test.
func upstreamOf(t *testing.T, addr string, o Options) *Upstream {
	t.Helper()
	fw := New()
	t.Cleanup(fw.Close)
	u, err := fw.NewUpstream(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// forward sends c's request to u.
func (c *fakeClient) forward(u *Upstream) error { return u.Forward(&c.features, Request{}) }

// frontOf serves u's application over net/http, answering failures as the host does.
func frontOf(t *testing.T, u *Upstream) *httptest.Server {
	t.Helper()
	front := httptest.NewServer(server.Handler(server.ApplicationFunc(func(f *server.Features) error {
		err := u.Forward(f, Request{})
		var broken *UpstreamError
		if errors.As(err, &broken) && !broken.ResponseStarted {
			res, _ := server.Get[server.ResponseFeature](f)
			res.SetStatus(broken.Status)
			res.Header().Set("X-Reason", broken.Reason)
			return nil
		}
		return err
	})))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	return front
}

// overBoth runs a test for a worker that is spoken to over HTTP/1.1, and over HTTP/2.
func overBoth(t *testing.T, test func(t *testing.T, o Options)) {
	t.Helper()
	t.Run("http", func(t *testing.T) { test(t, Options{}) })
	t.Run("h2c", func(t *testing.T) { test(t, Options{HTTP2: true}) })
}

// workerOf runs an http.Handler as the worker, which speaks HTTP/1.1 and HTTP/2.
func workerOf(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	backend := httptest.NewUnstartedServer(h)
	backend.Config.Protocols = new(http.Protocols)
	backend.Config.Protocols.SetHTTP1(true)
	backend.Config.Protocols.SetUnencryptedHTTP2(true)
	backend.Start()
	t.Cleanup(func() {
		backend.CloseClientConnections()
		backend.Close()
	})
	return strings.TrimPrefix(backend.URL, "http://")
}

// eventually waits until a state that other goroutines bring about is there.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10s in vain: %s", what)
		}
	}
}

// asUpstreamError checks the parts of an error that a host acts on.
func asUpstreamError(t *testing.T, err error, status int, reason string, retryable bool) *UpstreamError {
	t.Helper()
	var broken *UpstreamError
	if !errors.As(err, &broken) {
		t.Fatalf("want an UpstreamError, got %v", err)
	}
	if broken.Status != status || broken.Reason != reason || broken.Retryable() != retryable {
		t.Errorf("want status %d, %s, retryable %v; got %d, %s, %v (sent %v, started %v): %v", status, reason, retryable,
			broken.Status, broken.Reason, broken.Retryable(), broken.RequestSent, broken.ResponseStarted, err)
	}
	return broken
}
