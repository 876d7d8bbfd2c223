package http1

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
)

func TestBodiesAreReadHoweverTheyAreCut(t *testing.T) {
	for _, tt := range []struct{ name, wire, body string }{
		{"length", "Content-Length: 12\r\n\r\nhello, world", "hello, world"},
		{"chunked", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n07;x=\"y\"\r\n, world\r\n0\r\n\r\n", "hello, world"},
		{"empty length", "Content-Length: 0\r\n\r\n", ""},
		{"empty chunked", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
		{"trailers", "Transfer-Encoding: chunked\r\n\r\nC\r\nhello, world\r\n000\r\nA: b\r\nC: d\r\n\r\n", "hello, world"},
		{"none", "\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := connect(t, testOptions{}, echo)
				wire := "POST / HTTP/1.1\r\nHost: a\r\n" + tt.wire
				for _, size := range []int{1, 2, 3, 7, len(wire)} {
					for rest := wire; rest != ""; rest = rest[min(size, len(rest)):] {
						c.write(rest[:min(size, len(rest))])
						synctest.Wait()
					}
					c.want(fmt.Sprintf("the body back, sent %d bytes at a time", size),
						"HTTP/1.1 200 OK", fmt.Sprintf("Content-Length: %d", len(tt.body)), "", tt.body)
				}
				c.wantIdle("the connection is kept alive")
			})
		})
	}
}

func TestTrailersAreThereAfterTheBody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var before int
		var after []string
		c := connect(t, testOptions{}, func(c *Conn) error {
			before = c.RequestTrailers().Len()
			if _, err := io.Copy(io.Discard, c.Request().Body()); err != nil {
				return err
			}
			for name, value := range c.RequestTrailers().All() {
				after = append(after, name+"="+value)
			}
			return nil
		})
		c.send("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "", "1", "x", "0",
			"Checksum: 1", "Content-Length: 7", "transfer-encoding: x", "Host: evil", "X-Last:  2 ", "")
		c.want("an answer", "HTTP/1.1 200 OK", "Content-Length: 0", "", "")
		if got := strings.Join(after, " "); before != 0 || got != "Checksum=1 X-Last=2" {
			t.Errorf("%d trailers before the end and %q after, want none, and those that do not touch framing or routing (RFC 9110 §6.5.1)", before, got)
		}
	})
}

func TestTrailersShareTheLimitsOfTheHead(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
	for _, tt := range []struct {
		name, trailers string
		limits         Limits
		status         string
	}{
		{"as many as allowed", "A: 1\r\nB: 2\r\n\r\n", Limits{MaxRequestHeaderCount: 4}, "200 OK"},
		{"one more", "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", Limits{MaxRequestHeaderCount: 4}, "431 Request Header Fields Too Large"},
		{"as large as allowed", "A: 1\r\n\r\n", Limits{MaxRequestHeadersTotalSize: 43}, "200 OK"},
		{"one byte more", "A: 12\r\n\r\n", Limits{MaxRequestHeadersTotalSize: 43}, "431 Request Header Fields Too Large"},
		{"a line without end", "A: " + strings.Repeat("1", 300), Limits{MaxRequestHeadersTotalSize: 100}, "431 Request Header Fields Too Large"},
		{"the limit of the body does not count them", "A: " + strings.Repeat("1", 300) + "\r\n\r\n", Limits{MaxRequestBodySize: 5}, "200 OK"},
		{"no colon", "A\r\n\r\n", Limits{}, "400 Bad Request"},
		{"folded", "A: 1\r\n b\r\n\r\n", Limits{}, "400 Bad Request"},
		{"bare LF", "A: 1\n\r\n", Limits{}, "400 Bad Request"},
	} {
		for _, size := range []int{1, 1000} {
			t.Run(fmt.Sprint(tt.name, " ", size), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					c := connect(t, testOptions{limits: tt.limits}, echo)
					c.write(head)
					for rest := tt.trailers; rest != ""; rest = rest[min(size, len(rest)):] {
						if _, err := io.WriteString(c.client, rest[:min(size, len(rest))]); err != nil {
							break // refused before all was sent
						}
						synctest.Wait()
					}
					c.want("the same status however the trailers are cut", "HTTP/1.1 "+tt.status, "")
				})
			})
		}
	}
}

func TestABodyThatIsTooLargeIsRefusedWhenItIsRead(t *testing.T) {
	const refused = "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	for _, tt := range []struct{ name, wire string }{
		{"by its length, before a byte of it came", "Content-Length: 11\r\n\r\n"},
		{"by a chunk's size, before the chunk came", "Transfer-Encoding: chunked\r\n\r\n9\r\n"},
		{"by framing: it counts what is on the wire", "Transfer-Encoding: chunked\r\n\r\n1;extension\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := connect(t, testOptions{limits: Limits{MaxRequestBodySize: 10}}, echo)
				c.write("POST / HTTP/1.1\r\nHost: a\r\n" + tt.wire)
				c.want("413", refused)
				c.wantClosed("the connection closed: the rest of the body is not wanted")
			})
		})
	}
}

func TestTheBodyLimitOfARequestCanBeChangedUntilItIsRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{limits: Limits{MaxRequestBodySize: 1}}, func(c *Conn) error {
			if got := c.BodyLimit(); got != 1 {
				t.Errorf("the limit is %d, want the configured 1 for every new request", got)
			}
			if !c.SetBodyLimit(-1) || c.BodyLimit() != -1 {
				t.Errorf("the limit is %d, want none", c.BodyLimit())
			}
			if !c.SetBodyLimit(2) {
				t.Error("the limit cannot be changed before the body is read")
			}
			err := echo(c)
			if c.SetBodyLimit(3) {
				t.Error("the limit can be changed after the body was read, which has no effect")
			}
			return err
		})
		for range 2 {
			c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "", "ok")
			c.want("the body back", sent200...)
			c.write("") // the CRLF that send added is a blank line before the next request
		}
	})
}

func TestExpectContinueInvitesOnTheFirstRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		read := make(chan bool)
		c := connect(t, testOptions{}, func(c *Conn) error {
			<-read
			return echo(c)
		})
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "Expect: 100-Continue", "")
		c.wantIdle("no invitation before the handler reads")
		read <- true
		c.want("the invitation (RFC 9110 §10.1.1)", "HTTP/1.1 100 Continue", "", "")
		c.write("ok")
		c.want("the answer", sent200...)
		c.wantIdle("the connection is kept alive")
	})
}

func TestExpectContinueInvitesOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, echo)
		c.send("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Expect: 100-continue", "")
		c.want("the invitation", "HTTP/1.1 100 Continue", "", "")
		c.write("1\r\no\r\n")
		synctest.Wait()
		c.write("1\r\nk\r\n0\r\n\r\n")
		c.want("the answer and no second invitation", sent200...)
	})
}

func TestExpectContinueNeedsNoInvitationWhenTheBodyIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, echo)
		c.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\no")
		synctest.Wait()
		c.write("k")
		c.want("the answer alone: the client has begun to send", sent200...)
		c.wantIdle("the connection is kept alive")
	})
}

func TestExpectContinueIsIgnoredOfHTTP10Clients(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, echo)
		c.send("POST / HTTP/1.0", "Content-Length: 2", "Expect: 100-continue", "")
		c.wantIdle("no invitation: an HTTP/1.0 client knows none (RFC 9110 §10.1.1)")
		c.write("ok")
		c.want("the answer", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok")
	})
}

func TestExpectContinueOfAnUnreadBodyClosesTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, ok)
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "Expect: 100-continue", "")
		c.want("the answer without an invitation", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok")
		c.wantClosed("the connection closed: whether the body will come is not known")
	})
}

func TestExpectContinueIsNotSentAfterTheResponseStarted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			if err := c.Response().Flush(); err != nil {
				return err
			}
			return echo(c)
		})
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "Expect: 100-continue", "")
		c.want("the response, which is no place for a 100", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Connection: close", "", "")
		c.write("ok") // the client sends all the same
		c.want("the rest", "2", "ok", "0", "", "")
		c.wantClosed("the connection closed, as the header section said")
	})
}

func TestTheResponseIsSentBeforeAnUnreadBodyIsDrained(t *testing.T) {
	for _, framing := range []struct{ head, first, rest string }{
		{"Content-Length: 4", "", "body"},
		{"Transfer-Encoding: chunked", "2\r\nbo\r\n", "2\r\ndy\r\n0\r\nTrailer: x\r\n\r\n"},
	} {
		bubble(t, func(t *testing.T) {
			c := connect(t, testOptions{}, ok)
			c.write("POST / HTTP/1.1\r\nHost: a\r\n" + framing.head + "\r\n\r\n" + framing.first)
			c.want("the whole answer while the client owes its body", sent200...)
			c.write(framing.rest)
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("the next answer: the body was skipped, not taken for a request", sent200...)
		})
	}
}

func TestDrainingHasLimits(t *testing.T) {
	for _, tt := range []struct {
		name, wire string
		more       string
		limits     Limits
		after      time.Duration
		answer     []string
	}{
		{"time", "Content-Length: 4\r\n\r\n", "", Limits{}, 8 * time.Second, sent200},
		// RFC 9112 §9.6: a server that will close says so.
		{"an announced size", "Content-Length: 1048577\r\n\r\n", "", Limits{}, 0, []string{"HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok"}},
		{"a size", "Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("100\r\n"+strings.Repeat("x", 256)+"\r\n", 8), Limits{MaxDrainSize: 1024}, 0, sent200},
		{"sense", "Transfer-Encoding: chunked\r\n\r\n", "gg", Limits{}, 0, sent200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := connect(t, testOptions{limits: tt.limits}, ok)
				c.write("POST / HTTP/1.1\r\nHost: a\r\n" + tt.wire)
				c.want("the answer first", tt.answer...)
				io.WriteString(c.client, tt.more)
				time.Sleep(tt.after)
				c.wantClosed("the connection closed")
			})
		})
	}
}

func TestABrokenBodyIsTheClientsFault(t *testing.T) {
	for _, tt := range []struct{ name, body, why string }{
		{"size", "zz\r\n", "no hexadecimal size"},
		{"sign", "-5\r\n", "a sign"},
		{"space", "5 \r\n", "a space after the size"},
		{"digits", "000000005\r\n", "more than eight digits"},
		{"overflow", "80000000\r\n", "more than 31 bits"},
		{"empty", "\r\n", "no size at all"},
		{"LF", "2\nok\r\n0\r\n\r\n", "a bare LF after the size"},
		{"CR", "2\rok\r\n0\r\n\r\n", "a bare CR after the size"},
		{"extension LF", "2;a\nok\r\n0\r\n\r\n", "a bare LF in an extension (CVE-2025-55315)"},
		{"extension CR", "2;a\rb\r\nok\r\n0\r\n\r\n", "a bare CR in an extension"},
		{"quoted LF", "2;a=\"\n\"\r\nok\r\n0\r\n\r\n", "a bare LF in a quoted extension"},
		{"quoted CRLF", "2;a=\"\r\n\"\r\nok\r\n0\r\n\r\n", "a line end in a quoted extension"},
		{"suffix", "2\r\nokX\r\n0\r\n\r\n", "more bytes than the chunk has"},
		{"suffix LF", "2\r\nok\n0\r\n\r\n", "a bare LF after a chunk"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := connect(t, testOptions{}, echo)
				c.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + tt.body)
				c.want("400 for "+tt.why, "HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close", "", "")
				c.wantClosed("the connection closed: where the next request begins is not known")
				if len(c.rejected) != 1 || c.rejected[0].Reason != "invalid_body" {
					t.Errorf("rejected %v, want invalid_body once", c.rejected)
				}
			})
		})
	}
}

func TestABrokenBodyIsTheAnswerOfAHandlerThatHasNone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			_, err := io.Copy(io.Discard, c.Request().Body())
			if again, err2 := c.Request().Body().Read(make([]byte, 1)); again != 0 || err2 != err {
				t.Errorf("reading on gives %d and %v, want the same error again", again, err2)
			}
			return nil // as a net/http handler, which cannot return it
		})
		c.send("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "", "zz", "")
		c.want("400 although the handler swallowed the error", "HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close", "", "")
	})
}

func TestAHandlersAnswerToABrokenBodyIsSentAndTheConnectionClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			io.Copy(io.Discard, c.Request().Body())
			return ok(c)
		})
		c.send("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "", "zz", "")
		c.want("the handler's answer", sent200...)
		c.wantClosed("the connection closed")
	})
}

func TestAClientThatLeavesInItsBodyAbortsTheRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var cause, readErr error
		c := connect(t, testOptions{}, func(c *Conn) error {
			c.OnAborted(func(err error) { cause = err })
			_, readErr = io.ReadAll(c.Request().Body())
			return readErr
		})
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 100", "", "part")
		synctest.Wait()
		c.client.CloseWrite()
		c.wantClosed("no answer: the request is not whole")
		if bad, ok := httpcommon.AsBadRequest(readErr); !ok || bad.Reason != "unexpected_end_of_request_content" {
			t.Errorf("the handler reads %v, want the end of a body that is not whole, never io.EOF", readErr)
		}
		if cause != httpcommon.ErrClientDisconnected {
			t.Errorf("aborted with %v, want ErrClientDisconnected", cause)
		}
	})
}

func TestADeadlineOfTheApplicationEndsAReadOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, framing := range []string{"Content-Length: 4\r\n\r\nbo", "Transfer-Encoding: chunked\r\n\r\n4\r\nbo"} {
			var first, cause error
			var c *testConn
			c = connect(t, testOptions{}, func(e *Conn) error {
				e.OnAborted(func(err error) { cause = err })
				c.server.SetReadDeadline(time.Now().Add(3 * time.Second))
				_, first = io.ReadAll(e.Request().Body())
				c.server.ClearDeadlines()
				_, err := io.ReadAll(e.Request().Body())
				if err != nil {
					return err
				}
				return ok(e)
			})
			c.write("POST / HTTP/1.1\r\nHost: a\r\n" + framing)
			time.Sleep(4 * time.Second)
			synctest.Wait()
			if !errors.Is(first, os.ErrDeadlineExceeded) {
				t.Fatalf("reading gives %v, want os.ErrDeadlineExceeded as of net/http", first)
			}
			if framing[0] == 'C' {
				c.write("dy")
			} else {
				c.write("dy\r\n0\r\n\r\n")
			}
			c.want("the answer after reading on: the client has done nothing wrong", sent200...)
			if cause != nil {
				t.Errorf("aborted with %v, want nothing: the client is there", cause)
			}
		}
	})
}

func TestABodyThatComesTooSlowlyIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{rate: &transport.Rate{BytesPerSecond: 240, Grace: 5 * time.Second}}, echo)
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 10000", "")
		for range 6 {
			io.WriteString(c.client, "x")
			time.Sleep(time.Second)
		}
		c.want("408", "HTTP/1.1 408 Request Timeout", "Content-Length: 0", "Connection: close", "", "")
		c.wantClosed("the connection closed")
	})
}

func TestTheRateOfABodyIsMeasuredOnlyWhileTheApplicationReads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{rate: &transport.Rate{BytesPerSecond: 240, Grace: 5 * time.Second}}, func(c *Conn) error {
			time.Sleep(time.Minute) // the application is slow, not the client
			return echo(c)
		})
		c.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
		time.Sleep(30 * time.Second)
		c.write("ok")
		time.Sleep(time.Minute)
		c.want("the answer", sent200...)
	})
}
