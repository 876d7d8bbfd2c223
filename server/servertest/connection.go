package servertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// tell answers with the request's path.
func tell(f *server.Features) error { return respond(f, 200, strings.Clone(requestPath(f))) }

var connectionChecks = []check{
	{"AConnectionCarriesManyRequests", func(t *testing.T, s suite) {
		r := s.start(t, tell)
		c := r.dial()
		for i := range 20 {
			path := fmt.Sprintf("/%d", i)
			c.send("GET "+path+" HTTP/1.1", "Host: a", "")
			c.wantBody("an answer to each request on the connection", 200, path)
		}
	}},
	{"PipelinedRequestsAreAnsweredInOrder", func(t *testing.T, s suite) {
		r := s.start(t, tell)
		c := r.dial()
		var all strings.Builder
		for i := range 20 {
			fmt.Fprintf(&all, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i)
		}
		c.write(all.String())
		for i := range 20 {
			c.wantBody("the answers in the order of the requests (RFC 9112 §9.3.2)", 200, fmt.Sprintf("/%d", i))
		}
	}},
	{"ARequestMayArriveByteByByte", func(t *testing.T, s suite) {
		r := s.start(t, tell)
		c := r.dial()
		if err := c.conn.SetNoDelay(true); err != nil {
			t.Fatal(err)
		}
		for _, b := range []byte("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n") {
			c.write(string(b))
		}
		c.wantBody("an answer", 200, "/slow")
	}},
	{"ConnectionCloseIsHonoured", func(t *testing.T, s suite) {
		r := s.start(t, tell)
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "Connection: close", "")
		if a := c.wantBody("an answer", 200, "/"); !a.Close {
			t.Error("the answer has no Connection: close although the connection ends (RFC 9112 §9.6)")
		}
		c.wantClosed("the connection closed as the client asked")
	}},
	{"ManyRequestsRunAtOnce", func(t *testing.T, s suite) {
		const many = 64
		g := newGate()
		r := s.start(t, g.process)
		defer g.open()
		transport := &http.Transport{MaxIdleConnsPerHost: many}
		defer transport.CloseIdleConnections()
		client := http.Client{Transport: transport, Timeout: patience}
		var all sync.WaitGroup
		for range many {
			all.Go(func() {
				for _, path := range []string{"/", "/wait", "/"} {
					fetch(t, &client, "http://"+r.addr+path)
				}
			})
		}
		for range many {
			receive(t, g.entered, "all requests run at the same time: one that waits must not hold up the others")
		}
		g.open()
		all.Wait()
	}},
}

// fetch gets a URL on any goroutine.
func fetch(t *testing.T, client *http.Client, url string) {
	res, err := client.Get(url)
	if err != nil {
		t.Errorf("GET %s: %v", url, err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || (string(body) != "hello" && string(body) != "waited") {
		t.Errorf("GET %s: %s, %.40q, %v", url, res.Status, body, err)
	}
}
