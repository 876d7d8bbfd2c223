package http1

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// kept is all that a handler can keep of a request.
func kept(q *Request) []string {
	q.Retain()
	all := []string{q.Method(), q.RawTarget(), q.Path(), q.RawQuery(), q.Host(), q.Protocol()}
	for name, value := range q.Header().All() {
		all = append(all, name, value)
	}
	return all
}

func TestRetainedStringsSurviveTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var all [][]string
		c := connect(t, testOptions{}, func(c *Conn) error {
			all = append(all, kept(c.Request()))
			return echo(c) // a chunked body moves the input into another buffer
		})
		long := strings.Repeat("v", 6000) // a head that outgrows the small buffer
		for i := range 6 {
			value := fmt.Sprint(i, long[:i%3*3000])
			head := fmt.Sprintf("X%d /p%%20%d?q=%d HTTP/1.1\r\nHost: h%d\r\nName-%d: %s\r\nTransfer-Encoding: chunked\r\n\r\n", i, i, i, i, i, value)
			for rest := head; rest != ""; rest = rest[min(1000, len(rest)):] { // cut, so that bytes move while a head is incomplete
				c.write(rest[:min(1000, len(rest))])
				synctest.Wait()
			}
			c.write("2\r\nok\r\n0\r\n\r\n")
			c.want("the body back", sent200...)
		}
		c.client.Close()
		<-c.done
		for i, got := range all {
			want := fmt.Sprint([]string{fmt.Sprint("X", i), fmt.Sprintf("/p%%20%d?q=%d", i, i), fmt.Sprint("/p ", i), fmt.Sprint("q=", i), fmt.Sprint("h", i), "HTTP/1.1",
				"Host", fmt.Sprint("h", i), fmt.Sprint("Name-", i), fmt.Sprint(i, long[:i%3*3000]), "Transfer-Encoding", "chunked"})
			if fmt.Sprint(got) != want {
				t.Errorf("request %d, kept by its handler, became %.200q, want %.200q", i, got, want)
			}
		}
	})
}

func TestMemoryOfOneConnectionDoesNotAppearOnAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		secret := strings.Repeat("secret", 700)
		for range 4 {
			c := connect(t, testOptions{}, echo)
			c.write("POST / HTTP/1.1\r\nHost: a\r\nAuthorization: " + secret + "\r\nContent-Length: 4200\r\n\r\n" + secret)
			c.want("the body back", "HTTP/1.1 200 OK", "Content-Length: 4200", "", secret)
			c.client.Close()
			<-c.done

			c = connect(t, testOptions{}, func(c *Conn) error {
				var all strings.Builder
				for _, s := range kept(c.Request()) {
					all.WriteString(s)
				}
				all.Write(c.Unread())
				if strings.Contains(all.String(), "secret") {
					t.Error("a request holds what another connection sent")
				}
				return echo(c)
			})
			c.write("POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n")
			synctest.Wait()
			c.write("ok\r\n0\r\n\r\n")
			c.want("this connection's own bytes", sent200...)
			c.wantIdle("nothing of another connection")
		}
	})
}

func TestStringsOfARequestMoveWithItsBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		// The request line is judged as soon as it is there, and the input may move or grow before the head is complete.
		for _, first := range []int{0, 3000, 4000, 4090} {
			c := connect(t, testOptions{}, func(c *Conn) error {
				q := c.Request()
				if got := q.Method() + q.Path() + q.RawQuery() + q.RawTarget() + q.Host(); len(got) > 100 || got != "PURGE/pathquery=1/path?query=1host" {
					t.Errorf("after %d bytes the request is %.100q", first, got)
				}
				return ok(c)
			})
			if first > 0 { // a request before it, so that this one does not begin at the start of the buffer
				c.claim = func(q *Request) bool { return true }
				c.app = func(next func(*Conn) error) func(*Conn) error {
					n := 0
					return func(c *Conn) error {
						if n++; n == 1 {
							return ok(c)
						}
						return next(c)
					}
				}(c.app)
				c.write("GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", first-33) + "\r\n\r\nPUR")
				c.want("the first answer", sent200...)
				c.write("GE")
			} else {
				c.write("PURGE")
			}
			c.write(" /path?query=1 HTTP/1.1\r\n")
			synctest.Wait()
			c.write("Host: host\r\nY: " + strings.Repeat("y", 5000))
			synctest.Wait()
			c.write("\r\n\r\n")
			c.want("an answer", sent200...)
		}
	})
}

func TestStringsOfARequestStayWhileItsBodyIsRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			for {
				n, err := c.Request().Body().Read(make([]byte, 100))
				q := c.Request()
				if got := q.RawTarget() + q.Path() + q.Host() + q.Header().Get("X-Name"); got != "/a/../path/pathhostvalue" {
					t.Errorf("after %d bytes of the body the request is %q", n, got)
				}
				if err == io.EOF {
					return ok(c)
				}
				if err != nil {
					return err
				}
			}
		})
		for range 3 {
			c.write("POST /a/../path HTTP/1.1\r\nHost: host\r\nX-Name: value\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range 50 {
				c.write("1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n")
				synctest.Wait()
			}
			c.write("0\r\n\r\n")
			c.want("an answer", sent200...)
		}
	})
}
