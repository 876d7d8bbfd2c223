package forwarder

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// narrow returns an upstream whose sockets hold little, so that a worker that does not read is felt soon.
func narrow(t *testing.T, addr string, o Options) *Upstream {
	t.Helper()
	fw := newForwarder(func(ctx context.Context, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			err = nc.(*net.TCPConn).SetWriteBuffer(1)
		}
		return nc, err
	})
	t.Cleanup(fw.Close)
	u, err := fw.NewUpstream(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestAFullSocketIsWaitedFor fills a connection before a request is sent on it, then pokes, then reads.
func TestAFullSocketIsWaitedFor(t *testing.T) {
	start, fill, got := make(chan struct{}), make(chan int, 1), make(chan string, 1)
	w := startWorker(t, func(c *workerConn) {
		<-start
		c.r.Discard(<-fill)
		got <- c.body(5)
		c.send("answer")
		c.r.ReadByte()
	})
	nc, err := net.Dial("tcp", w.addr())
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(nc, time.Minute)
	defer c.close()
	begin := sync.OnceFunc(func() { close(start) })
	defer begin() // or the worker would wait on
	filled := 0
	for full := 0; full < 5; full++ { // the kernel on the other side may make more room a little later
		nc.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		n, _ := nc.Write(make([]byte, 1<<20))
		if n > 0 {
			full = 0
		}
		filled += n
	}
	c.clearDeadlines()
	fill <- filled

	tx := outgoing{b: []byte("hello"), keep: true}
	c.send(&tx)
	poked := time.AfterFunc(20*time.Millisecond, c.poke)
	defer poked.Stop()
	if err := c.run(true, false); !isPoke(err) || tx.any {
		t.Fatalf("a poke interrupts the wait for room: %v, sent %d", err, tx.sent)
	}
	c.clearDeadlines()
	begin()
	if err := c.run(true, false); err != nil || string(c.unread()) != "answer" {
		t.Errorf("it goes on where it was: %q, %v", c.unread(), err)
	}
	if s := <-got; s != "hello" {
		t.Errorf("the worker got %q", s)
	}
}

func TestAWorkerThatStopsReadingTimesOut(t *testing.T) {
	stop := make(chan struct{})
	w := startWorker(t, func(c *workerConn) {
		c.Conn.(*net.TCPConn).SetReadBuffer(1)
		<-stop
	})
	defer close(stop)
	for _, length := range []int64{1 << 40, -1} {
		c := newClient("POST", "/").withBody(endless{}, length)
		err := c.forward(narrow(t, w.addr(), Options{RequestTimeout: 3 * tick}))
		asUpstreamError(t, err, 504, ReasonTimeout, false)
	}
}
