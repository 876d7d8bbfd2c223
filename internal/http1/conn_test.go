package http1

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/bufpool"
)

func TestConnectionIsKeptAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, ok)
		for range 3 {
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("the handler's answer", sent200...)
			c.wantIdle("the connection is kept alive")
		}
	})
}

func TestConnectionCloseIsHonoured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, ok)
		c.send("GET / HTTP/1.1", "Host: a", "Connection: x, Close", "")
		c.want("the answer says so, too (RFC 9112 §9.6)", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok")
		c.wantClosed("the connection closed as the client asked")
		c.wantNext("an ordinary close: nothing is unread", Close)
	})
}

func TestSixteenPipelinedRequestsAreAnsweredInOneWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			_, err := io.WriteString(c.Response(), c.Request().Path())
			return err
		})
		var in, out strings.Builder
		for i := range 16 {
			fmt.Fprintf(&in, "GET /%x HTTP/1.1\r\nHost: a\r\n\r\n", i)
			fmt.Fprintf(&out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/%x", i)
		}
		c.write(in.String())
		c.want("the answers in order (RFC 9112 §9.3.2)", out.String())
		c.wantIdle("the connection is kept alive")
		if n := c.writes.Load(); n != 1 {
			t.Errorf("%d writes, want one for all that came in one read", n)
		}
	})
}

func TestPipelinedAnswersAreSentBeforeAHandlerWaitsForABody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, echo)
		c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
		c.want("the first answer, although the second request is not complete: the client may wait for it",
			"HTTP/1.1 200 OK", "Content-Length: 0", "", "")
		c.write("ok")
		c.want("the second answer", sent200...)
	})
}

func TestPipelinedAnswersAreSentWhenAHandlerIsGoingToWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			if c.Request().Path() == "/wait" {
				c.OnAborted(func(error) {}) // as everything does that can be cancelled
				time.Sleep(time.Hour)
			}
			return ok(c)
		})
		c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
		c.want("the first answer at once: it has nothing to do with the second request", sent200...)
		time.Sleep(time.Hour)
		c.want("the second", sent200...)
	})
}

func TestBytesOfAPipelinedRequestMayArriveWithABody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, body := range []string{"Content-Length: 2\r\n\r\nok", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"} {
			c := connect(t, testOptions{}, echo)
			for _, part := range strings.SplitAfter("POST / HTTP/1.1\r\nHost: a\r\n"+body+"POST / HTTP/1.1\r\nHost: a\r\n"+body, "o") {
				c.write(part)
				synctest.Wait()
			}
			c.want("both answers", append(sent200, sent200...)[0], "Content-Length: 2", "", "okHTTP/1.1 200 OK", "Content-Length: 2", "", "ok")
			c.wantIdle("the connection is kept alive")
		}
	})
}

func TestHTTP10ConnectionsCloseUnlessAskedToStay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, ok)
		c.send("GET / HTTP/1.0", "Connection: keep-alive", "")
		c.want("an answer that says that the connection stays (RFC 9112 §9.3)", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: keep-alive", "", "ok")
		c.send("GET / HTTP/1.0", "")
		c.want("an answer that says that it does not", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok")
		c.wantClosed("the connection closed: HTTP/1.0 does not keep it")
	})
}

func TestHTTP10WithTransferEncodingIsReadAndClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		// RFC 9112 §6.1: "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header field
		// MUST treat the message as if the framing is faulty, even if a Content-Length is present, and close the connection
		// after processing the message."
		c := connect(t, testOptions{compat: Compat{KeepAliveAfterCLTE: true}}, echo)
		c.send("POST / HTTP/1.0", "Connection: keep-alive", "Transfer-Encoding: chunked", "", "2", "ok", "0", "")
		c.want("the answer", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok")
		c.wantClosed("the connection closed: somebody before us may have read other requests out of it")
	})
}

func TestBlankLinesDoNotExtendTheWaitForARequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{limits: Limits{KeepAliveTimeout: 5 * time.Second}}, ok)
		for range 10 { // every second, for twice the timeout
			if _, err := io.WriteString(c.client, "\r\n"); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		c.wantClosed("the connection closed silently: blank lines are no request (RFC 9112 §2.2)")
	})
}

func TestOneDeadlineBoundsTheWholeHead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{limits: Limits{RequestHeadersTimeout: 5 * time.Second}}, ok)
		for i := range 7 {
			c.write("GET / HTTP/1.1"[i : i+1])
			time.Sleep(time.Second)
		}
		c.want("408 since the head is not complete, however steadily bytes come", "HTTP/1.1 408 Request Timeout", "Content-Length: 0", "Connection: close", "", "")
		c.wantClosed("the connection closed")
		if len(c.rejected) != 1 || c.rejected[0].Reason != "request_headers_timeout" {
			t.Errorf("rejected %v, want request_headers_timeout once", c.rejected)
		}
	})
}

func TestARequestThatEndsEarlyIsClosedSilently(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, part := range []string{"", "GET", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"} {
			c := connect(t, testOptions{}, ok)
			c.write(part)
			c.client.CloseWrite()
			c.wantClosed("nothing: there is nobody to answer")
		}
	})
}

func TestDrainMakesTheNextResponseTheLast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, ok)
		c.write("GET / HTTP/1.1\r\nHost: a\r\n") // half a request: it is let finish
		synctest.Wait()
		c.http.Drain()
		c.send("")
		c.want("an answer that says that it is the last", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok")
		c.wantClosed("the connection closed")
	})
}

func TestDrainInAHandlerEndsPipelining(t *testing.T) {
	bubble(t, func(t *testing.T) {
		requests := 0
		c := connect(t, testOptions{}, func(c *Conn) error {
			requests++
			c.Drain()
			return ok(c)
		})
		c.write(strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 3))
		c.want("the first answer", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok")
		c.wantClosed("the others unanswered: the client knows from Connection: close that they were not processed")
		if requests != 1 {
			t.Errorf("%d requests ran, want 1", requests)
		}
		c.wantNext("a lingering close: the client is still sending, and a reset would destroy the answer", Linger)
	})
}

func TestUnclaimedRequestsAreLeftUnread(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{claim: func(q *Request) bool { return q.Path() == "/mine" }}, ok)
		const foreign = "POST /theirs HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo"
		c.write("GET /mine HTTP/1.1\r\nHost: a\r\n\r\n" + foreign)
		c.want("the answer to the claimed request", sent200...)
		<-c.done
		c.wantNext("the next request to be somebody else's", Foreign)
	})
}

func TestUnreadIsWhatAForeignRequestBegan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var unread string
		c := connect(t, testOptions{}, ok)
		c.claim = func(q *Request) bool { return q.Path() != "/theirs" }
		const foreign = "POST /theirs HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo"
		c.write(foreign)
		synctest.Wait()
		if c.next != Foreign {
			t.Fatalf("next %d, want Foreign", c.next)
		}
		unread = foreign // Release has taken the memory; the engine below keeps it
		e := NewConn(c.http.cfg, c.http.stream, c)
		e.Preload([]byte(foreign))
		if next := e.Process(); next != Foreign {
			t.Fatalf("next %d, want Foreign", next)
		}
		if got := string(e.Unread()); got != unread {
			t.Errorf("unread %q, want the request from its first byte and what came of its body: %q", got, unread)
		}
		e.Release()
	})
}

func TestIdleConnectionsKeepOneSmallBuffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, echo)
		large := strings.Repeat("x", 20_000)
		c.write("POST / HTTP/1.1\r\nHost: a\r\nX: " + large + "\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n" + large + "\r\n0\r\n\r\n")
		c.want("the body back", "HTTP/1.1 200 OK", "Content-Length: 20000", "", large)
		synctest.Wait()
		if len(c.http.in) > bufpool.Small || c.http.memory != nil || c.http.out != nil || c.http.res.held != nil {
			t.Errorf("an idle connection holds %d bytes of input, %d of head, %d of output, %d of body: want a small input buffer alone",
				len(c.http.in), len(c.http.memory), cap(c.http.out), cap(c.http.res.held))
		}
	})
}
