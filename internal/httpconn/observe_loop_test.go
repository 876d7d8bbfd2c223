//go:build linux

package httpconn

import (
	"bufio"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/lannerhq/lanner/metrics"
)

// wait waits until done, which another goroutine makes true soon.
func wait(t *testing.T, why string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("want %s", why)
		}
	}
}

func TestExchangesOnTheLoopAreObserved(t *testing.T) {
	l, r := newLines(t), metrics.NewRegistry(metrics.RegistryOptions{})
	m, dial := serveOnLoop(t, Config{AccessLog: l.log, Meter: r}, hello)
	c := dial()
	in := bufio.NewReader(c)
	for range 2 {
		io.WriteString(c, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
	}
	io.WriteString(c, "GET /half HT")
	c.Close()
	wait(t, "the end", func() bool { return m.Stats().Open == 0 && len(scrape(r, "kestrel_active_connections")) == 0 })
	got := l.read()
	if len(got) != 3 || got[0]["target"] != "/a" || got[1]["status"] != 200.0 || got[1]["local"] == nil || got[2]["reason"] != reasonEnd {
		t.Fatalf("logged %v, want two answers to /a, and half a request", got)
	}
}
