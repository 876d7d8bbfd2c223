//go:build linux

package httpconn

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/transport"
)

// chaosFor is how long clients go on beginning connections.
const chaosFor = 4 * time.Second

// patience is how long a client waits for an answer. One that does not come in that time will never come.
const patience = 10 * time.Second

// Whatever handlers and clients do to it, the loop has one leader per shard (which transport checks itself in race builds),
// answers every request, mixes no two connections up, and leaves nothing behind.
func TestTheLoopSurvivesWhatHandlersAndClientsDo(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(strconv.Itoa(shards)+" shards", func(t *testing.T) {
			chaos(t, shards, &Endpoint{})
		})
	}
	t.Run("TLS", func(t *testing.T) {
		chaos(t, 2, chaosTLS())
	})
}

// chaosTLS is an endpoint with TLS.
func chaosTLS() *Endpoint {
	return &Endpoint{TLS: &tls.Config{Certificates: []tls.Certificate{certificate()}}}
}

// The same by way of middleware, which passes on every other connection in a wrapper.
func TestMiddlewareSurvivesWhatHandlersAndClientsDo(t *testing.T) {
	var n, read, written, inside atomic.Int64
	chaos(t, 1, &Endpoint{Middleware: []connection.Middleware{doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
		inside.Add(1)
		defer inside.Add(-1)
		if n.Add(1)%2 == 0 {
			c = c.With(&counted{c, &read, &written})
		}
		c.Peek(1)
		return next(ctx, c)
	})}})
	if inside.Load() != 0 || n.Load() == 0 {
		t.Errorf("after stop the middleware is on %d of %d connections", inside.Load(), n.Load())
	}
}

// chaosServer is a manager on a real socket.
type chaosServer struct {
	t      *testing.T
	m      *Manager
	ep     *Endpoint
	addr   string
	close  func() // the listener
	before int    // descriptors
}

// startChaos starts one, with the endpoint's middleware and TLS. With shards, its loop has that many.
func startChaos(t *testing.T, cfg Config, shards int, ep *Endpoint) *chaosServer {
	t.Helper()
	s := &chaosServer{t: t, ep: ep, before: descriptors(t)}
	ep.Name, ep.Scheme = "chaos", "http"
	if ep.TLS != nil {
		ep.Scheme = "https"
	}
	cfg.Logger = discard
	s.m = New(cfg)
	if shards > 0 {
		s.m.loopOnce.Do(func() {
			var err error
			if s.m.loop, err = transport.NewLoop(shards, s.m.heartbeat, reasons); err != nil {
				t.Fatal(err)
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.close = s.m.Listen(l, ep, func() Options { return Options{} })
	return s
}

// stop ends all requests and connections.
func (s *chaosServer) stop() {
	s.t.Helper()
	s.close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	if err := s.m.Stop(ctx); err != nil {
		s.t.Errorf("stop: %v: no request was left running", err)
	}
}

// wantNothing says that nothing is left of it.
func (s *chaosServer) wantNothing() {
	s.t.Helper()
	if stats := s.m.Stats(); stats.Open+stats.Upgraded+stats.Running != 0 {
		s.t.Errorf("after stop: %+v, want nothing open", stats)
	}
	for end := time.Now().Add(patience); descriptors(s.t) != s.before && time.Now().Before(end); { // a server lingers on what it closes
		time.Sleep(10 * time.Millisecond)
	}
	if after := descriptors(s.t); after != s.before {
		s.t.Errorf("%d descriptors are open after, want the %d of before", after, s.before)
	}
}

// descriptors counts those of this process. The poller's own are made by the first use.
func descriptors(t *testing.T) int {
	t.Helper()
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func chaos(t *testing.T, shards int, ep *Endpoint) {
	s := startChaos(t, Config{App: httpApp(unruly), EventLoop: true}, shards, ep)
	var answers atomic.Int64
	var clients sync.WaitGroup
	end := time.Now().Add(chaosFor / 2)
	for range 24 {
		clients.Go(func() {
			for time.Now().Before(end) && !t.Failed() {
				c, err := newChaosClient(s)
				if err != nil {
					t.Errorf("connecting: %v", err)
					return
				}
				if err := c.run(&answers); err != nil {
					t.Errorf("client %s: %v", c.secret, err)
				}
				c.Close()
			}
		})
	}
	clients.Wait()
	t.Logf("%d requests were answered", answers.Load())
	s.stop()
	s.wantNothing()
}

// unruly does what its path says, and answers with the client's secret as often as Times says.
func unruly(w http.ResponseWriter, r *http.Request) {
	if from := r.Header.Get("From"); from != r.RemoteAddr {
		http.Error(w, "the request of "+from+" came from "+r.RemoteAddr, http.StatusTeapot)
		return
	}
	secret := r.Header.Get("Secret")
	times, _ := strconv.Atoi(r.Header.Get("Times"))
	switch r.URL.Path {
	case "/sleep":
		time.Sleep(rand.N(4 * time.Millisecond))
	case "/spin":
		for until := time.Now().Add(rand.N(3 * time.Millisecond)); time.Now().Before(until); {
		}
	case "/yield":
		for range rand.N(50) {
			runtime.Gosched()
		}
	case "/panic":
		time.Sleep(rand.N(time.Millisecond))
		panic("chaos")
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/goexit":
		time.Sleep(rand.N(2 * time.Millisecond))
		runtime.Goexit()
	case "/watch":
		select {
		case <-r.Context().Done():
		case <-time.After(rand.N(3 * time.Millisecond)):
		}
	case "/hijack":
		hijack(w, secret, times)
		return
	case "/duplex":
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
		return
	case "/apart": // the body is read by one goroutine while another waits, and the response is written by a third
		got := make(chan []byte)
		go func() {
			b, _ := io.ReadAll(r.Body)
			got <- b
		}()
		b := <-got
		var wrote sync.WaitGroup
		wrote.Go(func() { w.Write(b) })
		wrote.Wait()
		return
	case "/deadline":
		rc := http.NewResponseController(w)
		rc.SetReadDeadline(time.Now().Add(rand.N(time.Millisecond)))
		rc.SetReadDeadline(time.Time{})
	}
	for range times {
		io.WriteString(w, secret)
	}
}

func hijack(w http.ResponseWriter, secret string, times int) {
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	defer nc.Close()
	time.Sleep(rand.N(2 * time.Millisecond))
	fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(secret)*times, strings.Repeat(secret, times))
	rw.Flush()
}

// chaosClient is one connection.
type chaosClient struct {
	net.Conn
	in     *bufio.Reader
	secret string
}

var secrets atomic.Uint64

func newChaosClient(s *chaosServer) (*chaosClient, error) {
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	if s.ep.TLS != nil {
		nc = tls.Client(nc, clientConfig())
	}
	nc.SetDeadline(time.Now().Add(chaosFor + patience))
	return &chaosClient{nc, bufio.NewReaderSize(nc, 4096), fmt.Sprintf("secret-%06d;", secrets.Add(1))}, nil
}

// asked is one request that was sent.
type asked struct {
	path  string
	times int
	body  []byte
}

// fatal are the paths after which there is no further answer on the connection.
func (a asked) fatal() bool { return a.path == "/abort" || a.path == "/goexit" || a.path == "/hijack" }

var chaosPaths = []string{"/", "/", "/", "/", "/sleep", "/spin", "/yield", "/panic", "/watch", "/deadline", "/duplex", "/apart",
	"/abort", "/goexit", "/hijack", "/ignored"}

func (c *chaosClient) choose() asked {
	a := asked{path: chaosPaths[rand.N(len(chaosPaths))], times: 1 + rand.N(20)}
	if rand.N(20) == 0 {
		a.times = 60_000 // more than the socket takes
	}
	switch a.path {
	case "/duplex", "/apart":
		a.body = bytes.Repeat([]byte(c.secret), 1+rand.N(20_000))
	case "/ignored":
		a.body = bytes.Repeat([]byte(c.secret), 1+rand.N(2_000))
	}
	return a
}

// run sends a few requests, several at once, and reads their answers; or it leaves in the middle.
func (c *chaosClient) run(answers *atomic.Int64) error {
	for range 1 + rand.N(8) {
		var batch []asked
		for range 1 + rand.N(4) {
			a := c.choose()
			if a.fatal() && len(batch) > 0 {
				break // it may end with a reset, which takes earlier answers with it
			}
			batch = append(batch, a)
			if a.fatal() {
				break
			}
		}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			c.sendAll(batch)
		}()
		on, err := c.answers(batch, answers)
		if !on || err != nil {
			c.Close() // a write that nobody reads any more ends
			<-sent
			return err
		}
		<-sent
	}
	return nil
}

// sendAll may be slow, in pieces; an error means that the server has ended the connection, which shows in the answers.
func (c *chaosClient) sendAll(batch []asked) {
	slow := rand.N(6) == 0
	var all bytes.Buffer
	for _, a := range batch {
		fmt.Fprintf(&all, "POST %s HTTP/1.1\r\nHost: a\r\nFrom: %s\r\nSecret: %s\r\nTimes: %d\r\n", a.path, c.LocalAddr(), c.secret, a.times)
		if rand.N(2) == 0 || len(a.body) == 0 {
			fmt.Fprintf(&all, "Content-Length: %d\r\n\r\n%s", len(a.body), a.body)
			continue
		}
		io.WriteString(&all, "Transfer-Encoding: chunked\r\n\r\n")
		for rest := a.body; len(rest) > 0; {
			n := min(len(rest), 1+rand.N(9000))
			fmt.Fprintf(&all, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		io.WriteString(&all, "0\r\n\r\n")
	}
	for p := all.Bytes(); len(p) > 0; {
		n := len(p)
		if slow {
			n = min(n, 1+rand.N(len(p)))
			time.Sleep(rand.N(2 * time.Millisecond))
		}
		if _, err := c.Write(p[:n]); err != nil {
			return
		}
		p = p[n:]
	}
}

// answers reads those of a batch. on is whether the connection goes on.
func (c *chaosClient) answers(batch []asked, answers *atomic.Int64) (on bool, err error) {
	leaveAt := -1
	if rand.N(12) == 0 {
		leaveAt = rand.N(len(batch))
	}
	for i, a := range batch {
		if i == leaveAt {
			return false, nil
		}
		if rand.N(10) == 0 {
			time.Sleep(rand.N(3 * time.Millisecond)) // the server's writes have to wait
		}
		c.SetReadDeadline(time.Now().Add(patience))
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return false, fmt.Errorf("%s: no answer in %v", a.path, patience)
			}
			if a.fatal() {
				return false, nil
			}
			return false, fmt.Errorf("%s: %w, want an answer", a.path, err)
		}
		body, err := io.ReadAll(res.Body)
		switch want := a.want(c.secret); {
		case err != nil:
			return false, fmt.Errorf("%s: after %d bytes of the answer: %w", a.path, len(body), err)
		case a.path == "/panic":
			if res.StatusCode != 500 {
				return false, fmt.Errorf("%s: %s, want 500", a.path, res.Status)
			}
		case res.StatusCode != 200 || !bytes.Equal(body, want):
			return false, fmt.Errorf("%s: %s, %d bytes %.60q, want %d of this connection's own", a.path, res.Status, len(body), body, len(want))
		}
		answers.Add(1)
		if a.fatal() || res.Close {
			return false, nil
		}
	}
	return true, nil
}

func (a asked) want(secret string) []byte {
	if a.path == "/duplex" || a.path == "/apart" {
		return a.body
	}
	return bytes.Repeat([]byte(secret), a.times)
}
