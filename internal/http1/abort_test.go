package http1

import (
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// aborted waits for OnAborted and returns its cause; nil when d passes before.
func aborted(c *Conn, d time.Duration) error {
	cause := make(chan error, 2)
	c.OnAborted(func(err error) { cause <- err })
	select {
	case err := <-cause:
		return err
	case <-time.After(d):
		return nil
	}
}

func TestAClientThatLeavesAbortsTheRequest(t *testing.T) {
	for name, leave := range map[string]func(*testConn){
		"half-close": func(c *testConn) { c.client.CloseWrite() },
		"close":      func(c *testConn) { c.client.Close() },
		"reset":      func(c *testConn) { c.client.Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var cause error
				c := connect(t, testOptions{}, func(c *Conn) error {
					cause = aborted(c, time.Hour)
					return ok(c)
				})
				c.send("GET / HTTP/1.1", "Host: a", "")
				synctest.Wait()
				leave(c)
				if name == "half-close" {
					c.want("the answer: the client may have closed its sending side only", sent200...)
				}
				<-c.done
				if cause != httpcommon.ErrClientDisconnected {
					t.Errorf("aborted with %v, want ErrClientDisconnected", cause)
				}
			})
		})
	}
}

func TestAPipelinedByteDoesNotAbortAndIsNotLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			if cause := aborted(c, time.Second); cause != nil {
				t.Errorf("aborted with %v, want nothing: the client is there", cause)
			}
			return ok(c)
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		synctest.Wait() // the watch waits
		c.send("GET / HTTP/1.1", "Host: a", "", "GET / HTTP/1.1", "Host: a", "")
		for range 3 {
			c.want("an answer to each request", sent200...)
		}
		c.wantIdle("the connection is kept alive")
	})
}

func TestTheConnectionIsWatchedOnceTheBodyIsRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var cause error
		c := connect(t, testOptions{}, func(c *Conn) error {
			c.OnAborted(func(err error) { cause = err })
			if err := echo(c); err != nil {
				return err
			}
			time.Sleep(time.Second)
			return nil
		})
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "")
		synctest.Wait()
		c.write("ok")
		synctest.Wait()
		c.client.CloseWrite()
		synctest.Wait()
		if cause != httpcommon.ErrClientDisconnected {
			t.Errorf("aborted with %v, want ErrClientDisconnected while the handler works", cause)
		}
		c.want("the answer", sent200...)
	})
}

func TestAWatchEndsWithItsRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		calls := 0
		c := connect(t, testOptions{}, func(c *Conn) error {
			if c.Request().Path() == "/watch" {
				c.OnAborted(func(error) { calls++ })
			}
			return ok(c)
		})
		for range 3 {
			for _, path := range []string{"/watch", "/"} {
				c.send("GET "+path+" HTTP/1.1", "Host: a", "")
				c.want("an answer", sent200...)
			}
		}
		c.client.Close()
		<-c.done
		if calls != 0 {
			t.Errorf("the function of a request that was over was called %d times", calls)
		}
	})
}

func TestAWatchOutsideARequestIsIgnored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, ok)
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("an answer", sent200...)
		synctest.Wait()
		c.http.OnAborted(func(error) { t.Error("called although no request runs") }) // a goroutine that outlived its handler
		synctest.Wait()
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("an answer: nobody else reads from the connection", sent200...)
	})
}

func TestADeadlineOfTheApplicationDoesNotAbortTheRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var c *testConn
		c = connect(t, testOptions{}, func(e *Conn) error {
			c.server.SetReadDeadline(time.Now().Add(time.Second))
			if cause := aborted(e, time.Minute); cause != nil {
				t.Errorf("aborted with %v when a read deadline passed, want nothing: the client is there", cause)
			}
			c.server.ClearDeadlines()
			return ok(e)
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		time.Sleep(2 * time.Minute)
		c.want("the answer", sent200...)
		c.send("GET / HTTP/1.1", "Host: a", "")
		time.Sleep(2 * time.Minute)
		c.want("the next: no deadline is left over", sent200...)
	})
}

func TestOnAbortedAfterTheAbortIsCalledAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			calls := 0
			c.OnAborted(func(error) { calls++ })
			c.Lose(httpcommon.ErrRequestAborted)
			c.Lose(httpcommon.ErrClientDisconnected)
			var cause error
			c.OnAborted(func(err error) { cause = err })
			if calls != 1 || cause != httpcommon.ErrRequestAborted {
				t.Errorf("called %d times, then with %v, want once and the first cause", calls, cause)
			}
			return nil
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.wantClosed("no answer")
	})
}

func TestATakeoverEndsTheWatchAndLosesNoByte(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got string
		var c *testConn
		c = connect(t, testOptions{}, func(e *Conn) error {
			e.OnAborted(func(error) { t.Error("aborted, although the client is there") })
			time.Sleep(time.Second) // the watch takes a byte
			buffered, err := e.Take()
			if err != nil {
				return err
			}
			nc, first := c.server.Detach()
			e.OnAborted(func(error) { t.Error("a watch reads from a connection that was taken over") })
			rest := make([]byte, 10-len(buffered)-len(first))
			if _, err := io.ReadFull(nc, rest); err != nil {
				return err
			}
			got = string(buffered) + string(first) + string(rest)
			nc.Close()
			return nil
		})
		c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n012")
		synctest.Wait()
		c.write("3456")
		time.Sleep(2 * time.Second)
		c.write("789")
		<-c.done
		if got != "0123456789" {
			t.Errorf("the new owner reads %q, want all that the client sent, in order", got)
		}
	})
}

func TestTheBodyMayBeReadWhileTheResponseIsWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const size = 300_000
		c := connect(t, testOptions{size: 1000}, func(c *Conn) error {
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() { // as the transport of a reverse proxy does
				c.OnAborted(func(error) {})
				if n, err := io.Copy(io.Discard, c.Request().Body()); n != size || err != nil {
					t.Errorf("read %d bytes and %v, want %d", n, err, size)
				}
			})
			for range size / 1000 {
				if _, err := c.Response().Write(make([]byte, 1000)); err != nil {
					return err
				}
				if err := c.Response().Flush(); err != nil {
					return err
				}
			}
			return nil
		})
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 300000", "Expect: 100-continue", "")
		var sending sync.WaitGroup
		sending.Go(func() { io.WriteString(c.client, strings.Repeat("x", size)) })
		c.client.SetReadDeadline(time.Now().Add(time.Hour))
		if n, err := io.ReadFull(c.client, make([]byte, size)); err != nil {
			t.Fatalf("the client reads %d bytes and then %v", n, err)
		}
		sending.Wait()
		go io.Copy(io.Discard, c.client)
	})
}

func TestAClientThatReadsOnlyAfterItsBodyIsNotBlocked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		// The writer is blocked in a full connection, and the client takes nothing before its body is taken: the reader
		// must not wait for the writer.
		c := connect(t, testOptions{size: 1000}, func(c *Conn) error {
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(time.Second)
				if _, err := io.Copy(io.Discard, c.Request().Body()); err != nil {
					t.Errorf("reading the body: %v", err)
				}
			})
			field("Content-Length", "50000")(c.Response())
			_, err := c.Response().Write(make([]byte, 50_000))
			wg.Wait()
			return err
		})
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 20000", "")
		c.write(strings.Repeat("x", 20_000))
		c.want("the response after the whole body was sent", "HTTP/1.1 200 OK", "Content-Length: 50000", "", strings.Repeat("\x00", 50_000))
	})
}
