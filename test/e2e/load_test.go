package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is steady traffic on kept-alive connections. It counts what went wrong, with the first texts.
type load struct {
	done     atomic.Int64
	statuses [600]atomic.Int64
	broken   atomic.Int64 // connections that ended within a request
	stop     chan struct{}
	wg       sync.WaitGroup

	mu    sync.Mutex
	first []string
}

// startLoad begins to request path on conns connections to addr, until wait is called.
func startLoad(addr, host, path string, conns int) *load {
	l := &load{stop: make(chan struct{})}
	for range conns {
		l.wg.Go(func() { l.run(addr, host, path) })
	}
	return l
}

func (l *load) run(addr, host, path string) {
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)
	for {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			l.fail("dial: " + err.Error())
			return
		}
		again := l.connection(nc, request)
		nc.Close()
		if !again {
			return
		}
	}
}

// connection sends requests until the load ends (false) or the connection does (true).
func (l *load) connection(nc net.Conn, request string) bool {
	r := bufio.NewReader(nc)
	for {
		select {
		case <-l.stop:
			return false
		default:
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(nc, request); err != nil {
			l.fail("write: " + err.Error())
			return true
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			l.fail("response: " + err.Error())
			return true
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			l.fail("body: " + err.Error())
			return true
		}
		l.done.Add(1)
		l.statuses[resp.StatusCode].Add(1)
		if resp.StatusCode != 200 && resp.StatusCode != 502 {
			l.note(fmt.Sprintf("%d %s", resp.StatusCode, firstWords(string(body))))
		}
		if resp.Close {
			return true
		}
	}
}

func firstWords(s string) string { return s[:min(len(s), 120)] }

func (l *load) fail(what string) {
	l.broken.Add(1)
	l.note(what)
}

func (l *load) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.first) < 10 {
		l.first = append(l.first, what)
	}
}

// wait ends the load.
func (l *load) wait() {
	close(l.stop)
	l.wg.Wait()
}

// wantClean demands that nothing failed.
func (l *load) wantClean(t *testing.T) {
	t.Helper()
	if ok := l.statuses[200].Load(); ok != l.done.Load() || l.broken.Load() > 0 {
		t.Errorf("%d of %d requests were not answered 200, %d connections broke:\n%s",
			l.done.Load()-ok, l.done.Load(), l.broken.Load(), strings.Join(l.first, "\n"))
	}
	if l.done.Load() == 0 {
		t.Error("the load made no request")
	}
}

// until waits until the load has made n more requests.
func (l *load) until(t *testing.T, n int64) {
	t.Helper()
	goal := l.done.Load() + n
	eventually(t, fmt.Sprintf("%d more requests under load", n), func() bool { return l.done.Load() >= goal })
}
