package forwarder

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lannerhq/lanner/server"
)

func TestBrokenResponses(t *testing.T) {
	for _, tt := range []struct {
		why, wire string
		status    int
		reason    string
		stage     Stage
		started   bool
	}{
		{"no answer", "", 502, ReasonConnectionLost, StageWait, false},
		{"half a head", "HTTP/1.1 200 OK\r\nA: b", 502, ReasonConnectionLost, StageWait, false},
		{"not HTTP", "SSH-2.0-x\r\n\r\n", 502, ReasonInvalidResponse, StageWait, false},
		{"an unasked 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 502, ReasonInvalidResponse, StageWait, false},
		{"a broken chunk at once", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\nnonsense\r\n", 502, ReasonInvalidResponse, StageBody, false},
		{"a body that ends early", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", 502, ReasonConnectionLost, StageBody, true},
		{"chunks that end early", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 502, ReasonConnectionLost, StageBody, true},
		{"trailers that end early", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b", 502, ReasonConnectionLost, StageBody, true},
	} {
		w := startWorker(t, func(c *workerConn) {
			c.head()
			c.send(tt.wire)
		})
		u := upstreamOf(t, w.addr(), Options{Token: "secret"})
		c := newClient("GET", "/")
		c.response.Add("Strict-Transport-Security", "max-age=1") // set by the server before
		err := c.forward(u)
		broken := asUpstreamError(t, err, tt.status, tt.reason, false)
		if broken.Stage != tt.stage || broken.ResponseStarted != tt.started || !broken.RequestSent {
			t.Errorf("%s: stage %v, started %v, sent %v", tt.why, broken.Stage, broken.ResponseStarted, broken.RequestSent)
		}
		if strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), w.addr()) {
			t.Errorf("%s: an error names the worker and not its token: %v", tt.why, err)
		}
		if !tt.started {
			if diff := cmp.Diff([]string{"Strict-Transport-Security: max-age=1"}, fieldsOf(&c.response)); diff != "" || c.status != 200 {
				t.Errorf("%s: what the worker said is not part of the error page; status %d (-want +got):\n%s", tt.why, c.status, diff)
			}
		}
		if s := u.Stats(); s.Idle != 0 || s.Failures != 1 || s.Active != 0 {
			t.Errorf("%s: %+v", tt.why, s)
		}
	}
}

func TestAClientSeesThatAResponseIsIncomplete(t *testing.T) {
	for _, wire := range []string{"Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"} {
		w := startWorker(t, func(c *workerConn) {
			c.head()
			c.send("HTTP/1.1 200 OK\r\n" + wire)
		})
		front := frontOf(t, upstreamOf(t, w.addr(), Options{}))
		res, err := http.Get(front.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != "hello" || err == nil {
			t.Errorf("%q: a short body must not look complete; got %q, %v", wire, body, err)
		}
	}
}

func TestADeadWorkerIsABadGateway(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {})
	w.stop()
	front := frontOf(t, upstreamOf(t, w.addr(), Options{}))
	res, err := http.Post(front.URL, "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 502 || res.Header.Get("X-Reason") != ReasonConnectRefused {
		t.Errorf("got %d, %v", res.StatusCode, res.Header)
	}
}

// failingReader yields what r has, then err.
type failingReader struct {
	r   io.Reader
	err error
}

func (f *failingReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}

func TestAFaultyRequestBodyIsTheClientsFault(t *testing.T) {
	tooLarge := &server.BadRequestError{Status: 413, Reason: "request_body_too_large"}
	for _, tt := range []struct {
		why    string
		read   int
		length int64
		sent   bool
	}{
		{"before anything was sent", 0, 5, false},
		{"in a body without a length", 3, -1, true},
		{"far into a body with a length", 100000, 200000, true},
	} {
		closed := make(chan struct{})
		w := startWorker(t, func(c *workerConn) {
			c.head()
			io.Copy(io.Discard, c.r)
			close(closed)
		})
		u := upstreamOf(t, w.addr(), Options{})
		c := newClient("POST", "/").withBody(&failingReader{strings.NewReader(strings.Repeat("x", tt.read)), tooLarge}, tt.length)
		err := c.forward(u)
		var bad *server.BadRequestError
		if !errors.As(err, &bad) || bad.Status != 413 {
			t.Errorf("%s: the server answers with the reader's status; got %v", tt.why, err)
		}
		if tt.sent {
			<-closed // the worker sees that the request will not be completed
		} else if w.accepted.Load() != 0 {
			t.Errorf("%s: the worker was bothered", tt.why)
		}
		if s := u.Stats(); s.Failures != 0 || s.Idle != 0 {
			t.Errorf("%s: it is not the worker's failure, and the connection is no good: %+v", tt.why, s)
		}
	}
	c := newClient("POST", "/").withBody(strings.NewReader("abc"), 5)
	var bad *server.BadRequestError
	w := startWorker(t, func(c *workerConn) { c.head(); io.Copy(io.Discard, c.r) })
	if err := c.forward(upstreamOf(t, w.addr(), Options{})); !errors.As(err, &bad) || bad.Status != 400 {
		t.Errorf("a body shorter than its length is a 400, got %v", err)
	}
}

func TestAnEarlyAnswerEndsTheUpload(t *testing.T) {
	for _, length := range []int64{1 << 40, -1} {
		w := startWorker(t, func(c *workerConn) {
			c.head()
			c.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
			c.head() // reads nothing of the body
		})
		u := upstreamOf(t, w.addr(), Options{})
		c := newClient("POST", "/").withBody(endless{}, length)
		if err := c.forward(u); err != nil || c.status != 403 || c.text() != "no" {
			t.Errorf("length %d: status %d, %q, %v", length, c.status, c.text(), err)
		}
		select {
		case <-c.deadline:
			t.Error("a client that is sending needs no deadline: the upload ends with its next bytes")
		default:
		}
	}
}

// endless yields bytes for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestAClientThatStopsSendingDoesNotHoldUpAnAnswer(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(ok)
		c.head()
	})
	u := upstreamOf(t, w.addr(), Options{})
	r, body := io.Pipe()
	c := newClient("POST", "/").withBody(r, -1)
	go func() {
		<-c.deadline // what a server does on a deadline: the read fails
		body.CloseWithError(errors.New("deadline"))
	}()
	if err := c.forward(u); err != nil || c.status != 200 {
		t.Errorf("status %d, %v", c.status, err)
	}
}

func TestAWorkerThatHangsUpDuringTheUploadIsReported(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.body(10)
		c.reset()
	})
	u := upstreamOf(t, w.addr(), Options{})
	err := newClient("POST", "/").withBody(endless{}, -1).forward(u)
	asUpstreamError(t, err, 502, ReasonConnectionLost, false)
}

func TestAClientThatTakesNoMoreEndsTheRequest(t *testing.T) {
	closed := make(chan struct{})
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
		c.head()
		close(closed)
	})
	u := upstreamOf(t, w.addr(), Options{})
	c := newClient("GET", "/")
	c.writeErr = fmt.Errorf("broken: %w", server.ErrResponseTooSlow)
	err := c.forward(u)
	var broken *UpstreamError
	if !errors.Is(err, server.ErrResponseTooSlow) || errors.As(err, &broken) {
		t.Errorf("the server's own error comes back, and not as the worker's: %v", err)
	}
	<-closed
}

func TestAClientThatGoesAwayEndsTheRequest(t *testing.T) {
	closed := make(chan struct{})
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.head() // until the connection ends
		close(closed)
	})
	u := upstreamOf(t, w.addr(), Options{})
	c := newClient("GET", "/")
	failed := make(chan error)
	go func() { failed <- c.forward(u) }()
	start := time.Now()
	<-c.watched
	if d := time.Since(start); d < tick {
		t.Errorf("watched after %v: a request that is answered at once must not pay for it", d)
	}
	c.disconnect()
	if err := <-failed; !errors.Is(err, server.ErrClientDisconnected) {
		t.Errorf("the cause comes back: %v", err)
	}
	<-closed
	c.disconnect() // a second time, after the request: of no effect
	if s := u.Stats(); s.Active != 0 || s.Idle != 0 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAClientIsWatchedOnceItsBodyIsSent(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		io.Copy(io.Discard, c.r)
	})
	u := upstreamOf(t, w.addr(), Options{})
	c := newClient("POST", "/").withBody(strings.NewReader("hello"), -1)
	failed := make(chan error)
	go func() { failed <- c.forward(u) }()
	<-c.watched
	c.disconnect()
	if err := <-failed; !errors.Is(err, server.ErrClientDisconnected) {
		t.Errorf("the cause comes back: %v", err)
	}
}

func TestARealClientThatGoesAwayEndsTheRequest(t *testing.T) {
	closed := make(chan struct{})
	arrived := make(chan struct{})
	w := startWorker(t, func(c *workerConn) {
		c.head()
		close(arrived)
		c.head()
		close(closed)
	})
	front := frontOf(t, upstreamOf(t, w.addr(), Options{}))
	go func() {
		<-arrived
		front.CloseClientConnections()
	}()
	if res, err := http.Get(front.URL); err == nil {
		res.Body.Close()
	}
	<-closed
}

func TestAWatchedConnectionIsKept(t *testing.T) {
	release := make(chan struct{})
	w := startWorker(t, func(c *workerConn) {
		for i := 0; c.head() != ""; i++ {
			if i == 0 {
				<-release
			}
			c.send(ok)
		}
	})
	u := upstreamOf(t, w.addr(), Options{})
	c := newClient("GET", "/")
	done := make(chan error)
	go func() { done <- c.forward(u) }()
	<-c.watched
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := newClient("POST", "/").forward(u); err != nil {
			t.Errorf("the deadline that woke the first request must not be left on the connection: %v", err)
		}
	}
	c.disconnect() // the server calls late: the connection is another request's by now
	once(t, u)
	if got := w.accepted.Load(); got != 1 {
		t.Errorf("%d connections, want 1", got)
	}
}
