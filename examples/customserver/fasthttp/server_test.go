package fasthttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/server/servertest"
	"github.com/valyala/fasthttp"
)

// The first header section starts fasthttp's clock: one goroutine per process that never ends, so no leak of a server.
func init() { new(fasthttp.Response).Header.AppendBytes(nil) }

func TestServerKeepsTheContract(t *testing.T) {
	servertest.Run(t, func() server.Server { return New() })
}

func TestAStreamedResponseComesAfterThoseToEarlierRequests(t *testing.T) {
	c := connect(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Path)
		if r.URL.Path == "/2" {
			http.NewResponseController(w).Flush()
		}
	})
	const request = "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
	fmt.Fprintf(c.conn, request+request+request, 0, 1, 2)
	for i := range 3 {
		res, body := c.read("answers in the order of the requests, although one bypasses fasthttp's buffer")
		if want := fmt.Sprintf("/%d", i); body != want {
			t.Errorf("answer %d has the body %q, want %q", i, body, want)
		}
		if res.Close != (i == 2) {
			t.Errorf("answer %d: Connection: close is %v, want it for a streamed response alone", i, res.Close)
		}
	}
	c.wantEnd("the connection ends with a streamed response")
}

func TestOnlyASmallResponseIsHeld(t *testing.T) {
	var size int
	c := connect(t, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, size)) })
	for _, tt := range []struct {
		size    int
		chunked bool
	}{{1 << 20, false}, {1<<20 + 1, true}} {
		size = tt.size
		io.WriteString(c.conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		res, body := c.read("the whole body")
		if chunked := len(res.TransferEncoding) > 0; len(body) != tt.size || chunked != tt.chunked {
			t.Errorf("%d bytes: got %d, chunked %v, want chunks only for what is not held", tt.size, len(body), chunked)
		}
	}
	c.wantEnd("the connection ends with a streamed response")
}

func TestABodyThatWasNotReadEndsTheConnection(t *testing.T) {
	c := connect(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	io.WriteString(c.conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
	if res, body := c.read("an answer"); body != "hello" || !res.Close {
		t.Errorf("body %q, Connection: close %v, want hello and true: the rest is no request", body, res.Close)
	}
	c.wantEnd("the connection ends")
}

// client is a connection to a server that runs until the test ends.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func connect(t *testing.T, h http.HandlerFunc) *client {
	s := New()
	s.addresses.SetAddresses([]string{"http://127.0.0.1:0"})
	if err := s.Start(t.Context(), server.HTTP(h)); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.addresses.Addresses()[0], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		if err := s.Stop(context.Background()); err != nil {
			t.Errorf("Stop when no request is running: %v", err)
		}
	})
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &client{t, conn, bufio.NewReader(conn)}
}

// read reads a whole response.
func (c *client) read(why string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatalf("want %s: %v", why, err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("want %s, but it breaks off after %d bytes: %v", why, len(body), err)
	}
	return res, string(body)
}

func (c *client) wantEnd(why string) {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil {
		c.t.Errorf("want no more bytes, since %s: got %.40q, %v", why, rest, err)
	}
}
