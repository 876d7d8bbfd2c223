package forwarder

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

// once sends one request, so that a connection is kept.
func once(t *testing.T, u *Upstream) {
	t.Helper()
	if err := newClient("GET", "/warm-up").forward(u); err != nil {
		t.Fatal(err)
	}
	if idle := u.Stats().Idle; idle != 1 {
		t.Fatalf("one connection is kept after a request, got %d", idle)
	}
}

// arrivesAtIdle waits until something has arrived on the one kept connection, and takes a byte of it.
func arrivesAtIdle(t *testing.T, u *Upstream) {
	t.Helper()
	u.mu.Lock()
	nc := u.idle[0].nc
	u.mu.Unlock()
	if _, err := nc.Read(make([]byte, 1)); err != nil && err != io.EOF {
		t.Fatal(err)
	}
}

func TestAConnectionTheWorkerClosedWhileIdleCostsNoRequest(t *testing.T) {
	needsProbe(t)
	for _, method := range []string{"GET", "POST", "PATCH"} {
		w := startWorker(t, func(c *workerConn) {
			c.head()
			c.send(ok)
			if c.n == 1 {
				return
			}
			for h := c.head(); h != ""; h = c.head() {
				c.send(ok)
			}
		})
		u := upstreamOf(t, w.addr(), Options{})
		once(t, u)
		arrivesAtIdle(t, u)
		c := newClient(method, "/")
		if method == "POST" {
			c.withBody(strings.NewReader("hello"), 5)
		}
		if err := c.forward(u); err != nil {
			t.Errorf("%s: nothing was sent on the dead connection, so any method may go on another: %v", method, err)
		}
	}
}

func TestAnIdempotentRequestIsSentAgainWhenAKeptConnectionBreaks(t *testing.T) {
	for _, tt := range []struct {
		why, method string
		body        string
		reset       bool
		conns       int32
		broken      bool
	}{
		{"GET is idempotent (RFC 9110 §9.2.2)", "GET", "", false, 2, false},
		{"so is GET after a reset", "GET", "", true, 2, false},
		{"PUT is, and its body is at hand", "PUT", "hello", false, 2, false},
		{"DELETE is", "DELETE", "", true, 2, false},
		{"POST is not: the worker may have acted on it", "POST", "hello", false, 1, true},
		{"PATCH is not", "PATCH", "", true, 1, true},
	} {
		bodies := make(chan string, 2)
		w := startWorker(t, func(c *workerConn) {
			for i := 1; ; i++ {
				h := c.head()
				if h == "" {
					return
				}
				if strings.Contains(h, "Content-Length: 5") {
					bodies <- c.body(5)
				}
				if c.n == 1 && i == 2 { // the request arrived, the worker dies
					if tt.reset {
						c.reset()
					}
					return
				}
				c.send(ok)
			}
		})
		u := upstreamOf(t, w.addr(), Options{})
		once(t, u)
		c := newClient(tt.method, "/")
		if tt.body != "" {
			c.withBody(strings.NewReader(tt.body), int64(len(tt.body)))
		}
		err := c.forward(u)
		if tt.broken {
			asUpstreamError(t, err, 502, ReasonConnectionLost, false)
		} else if err != nil {
			t.Errorf("%s: %v", tt.why, err)
		}
		if got := w.accepted.Load(); got != tt.conns {
			t.Errorf("%s: %d connections, want %d", tt.why, got, tt.conns)
		}
		if tt.body != "" && !tt.broken {
			if first, second := <-bodies, <-bodies; first != tt.body || second != tt.body {
				t.Errorf("%s: the body is sent both times", tt.why)
			}
		}
		if s := u.Stats(); (s.Retries == 1) == tt.broken || (s.Failures == 1) != tt.broken {
			t.Errorf("%s: %+v", tt.why, s)
		}
	}
}

func TestAFreshConnectionThatBreaksIsNotTriedAgain(t *testing.T) {
	w := startWorker(t, func(c *workerConn) { c.head() })
	u := upstreamOf(t, w.addr(), Options{})
	err := newClient("GET", "/").forward(u)
	asUpstreamError(t, err, 502, ReasonConnectionLost, false)
	if got := w.accepted.Load(); got != 1 {
		t.Errorf("a worker that crashes on a request would crash again, but it got the request %d times", got)
	}
}

func TestAnAnswerThatBeganIsNotAskedForAgain(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(ok)
		c.head()
		c.send("HTTP/1.1 20")
	})
	u := upstreamOf(t, w.addr(), Options{})
	once(t, u)
	asUpstreamError(t, newClient("GET", "/").forward(u), 502, ReasonConnectionLost, false)
	if got := w.accepted.Load(); got != 1 {
		t.Errorf("a byte of an answer proves that the connection was alive; %d connections", got)
	}
}

// needsProbe skips a test where a kept connection cannot be looked at before it is used.
func needsProbe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("dead connections are found out by using them on this system, see conn_other.go")
	}
}

func TestUnsolicitedBytesSpoilAConnection(t *testing.T) {
	needsProbe(t)
	over := make(chan struct{})
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(ok)
		if c.n == 1 {
			<-over
			c.send("\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
		}
		c.head()
		c.send(ok)
		c.head()
	})
	u := upstreamOf(t, w.addr(), Options{})
	once(t, u)
	close(over)
	arrivesAtIdle(t, u)
	c := newClient("POST", "/")
	if err := c.forward(u); err != nil || c.text() != "" {
		t.Errorf("a response sent before its request must reach nobody; got %q, %v", c.text(), err)
	}
}

func TestARequestNothingOfWhichWasSentCanGoToAnotherWorker(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := gone.Addr().String()
	gone.Close()
	first := upstreamOf(t, addr, Options{})

	got := make(chan string, 1)
	w := startWorker(t, func(c *workerConn) {
		h := c.head()
		got <- h[:strings.Index(h, " HTTP")] + " " + c.body(100000)
		c.send(ok)
	})
	second := upstreamOf(t, w.addr(), Options{})

	text := strings.Repeat("x", 100000)
	c := newClient("POST", "/a").withBody(strings.NewReader(text), 100000)
	broken := asUpstreamError(t, c.forward(first), 502, ReasonConnectRefused, true)
	if broken.Stage != StageConnect {
		t.Errorf("stage %v", broken.Stage)
	}
	if err := c.forward(second); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "POST /a "+text {
		t.Errorf("the second worker gets what was read for the first; got %d bytes", len(s))
	}

	draining := upstreamOf(t, w.addr(), Options{})
	if err := draining.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	c = newClient("POST", "/a").withBody(strings.NewReader("hello"), 5)
	asUpstreamError(t, c.forward(draining), 503, ReasonDraining, true)
	req, _ := server.Get[server.RequestFeature](&c.features)
	if b, err := io.ReadAll(req.Body()); string(b) != "hello" || err != nil {
		t.Errorf("the body was put back; got %q, %v", b, err)
	}
}
