package forwarder

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

func fieldsOf(h *httpcommon.Headers) []string {
	var all []string
	for name, value := range h.All() {
		all = append(all, name+": "+value)
	}
	return all
}

func TestTheResponseReachesTheClient(t *testing.T) {
	for _, tt := range []struct {
		why, method, wire string
		status            int
		fields            []string
		body              string
		conns             int32 // for two requests
		opts              Options
	}{
		{"a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\nDate: then\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhello",
			200, []string{"Server: x", "Date: then", "Set-Cookie: a", "Set-Cookie: b", "Content-Length: 5"}, "hello", 1, Options{}},
		{"chunks received whole become a length", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
			200, []string{"A: b", "Content-Length: 5"}, "hello", 1, Options{}},
		{"the end of the connection ends the body", "GET", "HTTP/1.1 200 OK\r\n\r\nhello", 200, nil, "hello", 2, Options{}},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, []string{"Content-Length: 5"}, "hello", 2, Options{}},
		{"HEAD has no body", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, []string{"Content-Length: 5"}, "", 1, Options{}},
		{"304 keeps its length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n", 304, []string{"ETag: x", "Content-Length: 5"}, "", 1, Options{}},
		{"204 has neither body nor length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, nil, "", 1, Options{}},
		{"205 must not have content (RFC 9110 §15.3.6)", "GET", "HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 205, nil, "", 1, Options{}},
		{"an empty body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, []string{"Content-Length: 0"}, "", 1, Options{}},
		{"an unusual status", "GET", "HTTP/1.1 599 Whatever\r\nContent-Length: 1\r\n\r\nx", 599, []string{"Content-Length: 1"}, "x", 1, Options{}},
		{"hop-by-hop fields end here", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nUpgrade: h2c\r\n\r\nx",
			200, []string{"Content-Length: 1"}, "x", 2, Options{}},
		{"the Connection field on request", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
			200, []string{"Content-Length: 1", "Connection: close"}, "x", 2, Options{ForwardResponseConnectionHeader: true}},
		{"bytes after the response are nobody's", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n", 200, []string{"Content-Length: 1"}, "x", 2, Options{}},
	} {
		w := startWorker(t, func(c *workerConn) {
			for c.head() != "" {
				c.send(tt.wire)
				if !strings.Contains(tt.wire, "Length") && !strings.Contains(tt.wire, "chunked") && tt.status == 200 {
					return
				}
			}
		})
		u := upstreamOf(t, w.addr(), tt.opts)
		for range 2 {
			c := newClient(tt.method, "/")
			if err := c.forward(u); err != nil {
				t.Fatalf("%s: %v", tt.why, err)
			}
			if diff := cmp.Diff(tt.fields, fieldsOf(&c.response)); diff != "" || c.status != tt.status || c.text() != tt.body {
				t.Errorf("%s: status %d, body %q, fields (-want +got):\n%s", tt.why, c.status, c.text(), diff)
			}
		}
		if got := w.accepted.Load(); got != tt.conns {
			t.Errorf("%s: two requests took %d connections, want %d", tt.why, got, tt.conns)
		}
	}
}

func TestASmallResponseIsWrittenOnceAndNotFlushed(t *testing.T) {
	w := startWorker(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	u := upstreamOf(t, w.addr(), Options{})
	c := newClient("GET", "/")
	c.log = []string{}
	if err := c.forward(u); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"write hello"}, c.log); diff != "" {
		t.Errorf("the server sends head and body together after Process (-want +got):\n%s", diff)
	}
}

func TestNothingIsHeldBackWhileTheWorkerIsAwaited(t *testing.T) {
	step := make(chan string)
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n")
		for s := range step {
			c.send(s)
		}
	})
	front := frontOf(t, upstreamOf(t, w.addr(), Options{}))
	res, err := http.Get(front.URL) // returns although there is no body yet
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	buf := make([]byte, 100)
	for _, want := range []string{"data: 1\n\n", "data: 2\n\n"} {
		step <- "9\r\n" + want + "\r\n"
		n, err := res.Body.Read(buf)
		if string(buf[:n]) != want || err != nil {
			t.Fatalf("want %q before the worker sends more, got %q, %v", want, buf[:n], err)
		}
	}
	step <- "0\r\n\r\n"
	close(step)
	if rest, err := io.ReadAll(res.Body); len(rest) > 0 || err != nil {
		t.Errorf("want the end, got %q, %v", rest, err)
	}
}

func TestASmallRequestBodyLeavesWithItsHead(t *testing.T) {
	got := make(chan string, 1)
	w := startWorker(t, func(c *workerConn) {
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		got <- string(b[:n])
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	u := upstreamOf(t, w.addr(), Options{})
	if err := newClient("POST", "/").withBody(strings.NewReader("hello"), 5).forward(u); err != nil {
		t.Fatal(err)
	}
	if s := <-got; !strings.HasSuffix(s, "\r\n\r\nhello") || !strings.Contains(s, "\r\nContent-Length: 5\r\n") {
		t.Errorf("head and body belong into one write; the first read gave %q", s)
	}
}

func TestBodiesThatArriveInPiecesArriveWhole(t *testing.T) {
	addr := workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the worker could not read the body: %v", err)
		}
		w.Header().Set("X-Length", http.StatusText(200))
		w.Write(body)
	})
	u := upstreamOf(t, addr, Options{})
	text := strings.Repeat("0123456789", 300)
	for _, length := range []int64{int64(len(text)), -1} {
		for range 3 {
			c := newClient("POST", "/").withBody(iotest.OneByteReader(strings.NewReader(text)), length)
			if err := c.forward(u); err != nil || c.text() != text {
				t.Fatalf("length %d: %d bytes came back, %v", length, len(c.text()), err)
			}
		}
	}
	if s := u.Stats(); s.Opened != 1 || s.Requests != 6 || s.Idle != 1 || s.Active != 0 || s.BytesSent < 6*3000 || s.BytesReceived < 6*3000 {
		t.Errorf("all of it goes over one connection and is counted: %+v", s)
	}
}

func TestTrailersPassBothWays(t *testing.T) { overBoth(t, trailersPassBothWays) }

func trailersPassBothWays(t *testing.T, o Options) {
	addr := workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		io.Copy(w, r.Body)
		w.(http.Flusher).Flush()
		w.Header().Set("Grpc-Status", "0 "+r.Trailer.Get("X-Sum"))
		if r.Trailer.Get("Ms-Aspnetcore-Token") != "" || r.Trailer.Get("X-Forwarded-For") != "" {
			t.Error("what is dropped from a head must not come in by the trailers")
		}
	})
	front := frontOf(t, upstreamOf(t, addr, o))
	req, _ := http.NewRequest("POST", front.URL, strings.NewReader("hello"))
	req.ContentLength = -1
	req.Trailer = http.Header{"X-Sum": {"42"}, "Ms-Aspnetcore-Token": {"forged"}, "X-Forwarded-For": {"10.0.0.1"}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if string(body) != "hello" || err != nil || res.Trailer.Get("Grpc-Status") != "0 42" {
		t.Errorf("body %q, trailers %v, %v", body, res.Trailer, err)
	}
}

func TestTrailersOfAResponseReceivedWholeAreAnnounced(t *testing.T) {
	w := startWorker(t, answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nGrpc-Status: 7\r\nContent-Length: 9\r\n\r\n"))
	u := upstreamOf(t, w.addr(), Options{})
	c := newClient("GET", "/")
	if err := c.forward(u); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Trailer: Grpc-Status"}, fieldsOf(&c.response)); diff != "" {
		t.Errorf("a server has no place for trailers behind a Content-Length (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Grpc-Status: 7"}, fieldsOf(&c.outTrail)); diff != "" {
		t.Errorf("framing cannot be told afterwards (-want +got):\n%s", diff)
	}
}

func TestInterimResponsesPass(t *testing.T) {
	w := startWorker(t, answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\n\r\n"+
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"))
	u := upstreamOf(t, w.addr(), Options{})
	c := newClient("GET", "/")
	if err := c.forward(u); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Early Hints; Link: </a>"}, c.interims); diff != "" || c.status != 200 || c.text() != "x" {
		t.Errorf("100 is the server's own to send, 103 passes (-want +got):\n%s", diff)
	}
	c = newClient("GET", "/")
	c.protocol = "HTTP/1.0"
	if err := c.forward(u); err != nil || len(c.interims) > 0 {
		t.Errorf("RFC 9110 §15.2: no 1xx to an HTTP/1.0 client; got %q, %v", c.interims, err)
	}
}

func TestEndlessInterimResponsesAreCutOff(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", maxInterims+1))
		c.head()
	})
	err := newClient("GET", "/").forward(upstreamOf(t, w.addr(), Options{}))
	asUpstreamError(t, err, 502, ReasonInvalidResponse, false)
}

// bodyThatAsks tells when its reader asks for the first byte, which is when a server sends 100 Continue.
type bodyThatAsks struct {
	io.Reader
	asked chan struct{}
}

func (b *bodyThatAsks) Read(p []byte) (int, error) {
	if b.asked != nil {
		close(b.asked)
		b.asked = nil
	}
	return b.Reader.Read(p)
}

func TestTheWorkerDecidesAboutAnExpectation(t *testing.T) {
	for _, tt := range []struct {
		why, first string
		asked      bool
		status     int
	}{
		{"it wants the body", "HTTP/1.1 100 Continue\r\n\r\n", true, 200},
		{"it does not", "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", false, 417},
	} {
		w := startWorker(t, func(c *workerConn) {
			if h := c.head(); !strings.Contains(h, "\r\nExpect: 100-continue\r\n") {
				t.Errorf("the expectation is the worker's to judge (RFC 9110 §10.1.1), but it got %q", h)
			}
			c.send(tt.first)
			if tt.asked {
				c.body(5)
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
			c.head()
		})
		u := upstreamOf(t, w.addr(), Options{})
		asked := make(chan struct{})
		c := newClient("POST", "/", "Expect: 100-continue").withBody(&bodyThatAsks{strings.NewReader("hello"), asked}, 5)
		if err := c.forward(u); err != nil {
			t.Fatal(err)
		}
		select {
		case <-asked:
			if !tt.asked {
				t.Errorf("%s: the client was invited to send", tt.why)
			}
		default:
			if tt.asked {
				t.Errorf("%s: the client was not invited to send", tt.why)
			}
		}
		if idle := u.Stats().Idle; c.status != tt.status || (idle == 1) != tt.asked {
			t.Errorf("%s: status %d, %d idle connections; one on which the body is missing cannot be used again", tt.why, c.status, idle)
		}
	}
}

func TestHeadsUpToTheLimitPass(t *testing.T) {
	for _, tt := range []struct {
		size int
		ok   bool
	}{{60 << 10, true}, {66 << 10, false}} {
		w := startWorker(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: "+strings.Repeat("x", tt.size)+"\r\n\r\ny"))
		c := newClient("GET", "/")
		err := c.forward(upstreamOf(t, w.addr(), Options{}))
		if tt.ok && (err != nil || len(c.response.Get("X")) != tt.size || c.text() != "y") {
			t.Errorf("a head of %d bytes is allowed: %v", tt.size, err)
		}
		if !tt.ok {
			asUpstreamError(t, err, 502, ReasonInvalidResponse, false)
		}
	}
}
