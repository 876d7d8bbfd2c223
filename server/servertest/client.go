package servertest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// client is one raw connection to the server.
type client struct {
	t    *testing.T
	conn *net.TCPConn
	r    *bufio.Reader
}

// answer is a response read to its end.
type answer struct {
	*http.Response
	body string
}

// dial connects. The connection is closed when the check ends; nothing on it takes longer than patience.
func (r *running) dial() *client {
	r.t.Helper()
	conn, err := net.DialTimeout("tcp", r.addr, patience)
	if err != nil {
		r.t.Fatalf("cannot connect to %s where the server says it listens: %v", r.addr, err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	return &client{r.t, conn.(*net.TCPConn), bufio.NewReader(conn)}
}

// send sends lines, each with its CRLF: an empty last line ends a header section.
func (c *client) send(lines ...string) {
	c.t.Helper()
	c.write(strings.Join(lines, "\r\n") + "\r\n")
}

// write sends bytes.
func (c *client) write(bytes string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, bytes); err != nil {
		c.t.Fatalf("sending %.40q: %v", bytes, err)
	}
}

// head reads the header section of a response to that method; its body is still to be read.
func (c *client) head(why, method string, status int) *http.Response {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("want %s: %d, but reading the response failed: %v", why, status, err)
	}
	if res.StatusCode != status {
		c.t.Fatalf("want %s: %d, got %s", why, status, res.Status)
	}
	return res
}

// want reads a whole response to that method.
func (c *client) want(why, method string, status int) answer {
	c.t.Helper()
	res := c.head(why, method, status)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("want %s, but its body broke after %d bytes: %v", why, len(body), err)
	}
	return answer{res, string(body)}
}

// wantBody is want for a response with that body to a GET.
func (c *client) wantBody(why string, status int, body string) answer {
	c.t.Helper()
	a := c.want(why, http.MethodGet, status)
	if a.body != body {
		c.t.Errorf("want %s: body %.80q, got %.80q", why, body, a.body)
	}
	return a
}

// wantClosed reads the connection to its end: nothing more may come.
func (c *client) wantClosed(why string) {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	if timedOut(err) {
		c.t.Errorf("want %s, but the connection stays open", why)
	}
	if len(rest) > 0 {
		c.t.Errorf("want %s, but these bytes come first: %.80q", why, rest)
	}
}

// wantBroken reads the rest of a response: it must not end well.
func (c *client) wantBroken(why string, body io.Reader) {
	c.t.Helper()
	rest, err := io.ReadAll(body)
	switch {
	case err == nil:
		c.t.Errorf("want %s, but the response ends well after %d more bytes", why, len(rest))
	case timedOut(err):
		c.t.Errorf("want %s, but the connection stays open", why)
	}
}

func timedOut(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// get sends a GET on a connection of its own and returns the whole response.
func (r *running) get(why, target string, status int) answer {
	r.t.Helper()
	c := r.dial()
	c.send("GET "+target+" HTTP/1.1", "Host: a", "Connection: close", "")
	return c.want(why, http.MethodGet, status)
}
