package http1

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
)

// steps is an application that writes: "a" writes it, "|" flushes.
func steps(set func(*Response), parts ...string) func(*Conn) error {
	return func(c *Conn) error {
		s := c.Response()
		if set != nil {
			set(s)
		}
		for _, part := range parts {
			if part == "|" {
				if err := s.Flush(); err != nil {
					return err
				}
			} else if _, err := io.WriteString(s, part); err != nil {
				return err
			}
		}
		return nil
	}
}

func field(name, value string) func(*Response) {
	return func(s *Response) { s.Header().Add(name, value) }
}

func status(code int) func(*Response) { return func(s *Response) { s.SetStatus(code) } }

func both(a, b func(*Response)) func(*Response) {
	return func(s *Response) { a(s); b(s) }
}

func TestResponsesAreFramed(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, tt := range []struct {
		name    string
		method  string // GET HTTP/1.1 when empty
		app     func(*Conn) error
		want    string
		closed  bool
		failure error
	}{
		{"nothing", "", noop, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, nil},
		{"held back whole", "", steps(nil, "a", "b"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false, nil},
		{"flushed", "", steps(nil, "a", "|", "b"), chunked + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n", false, nil},
		{"flushed empty", "", steps(nil, "|"), chunked + "0\r\n\r\n", false, nil},
		{"an empty write flushes nothing", "", steps(nil, ""), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, nil},
		{"announced", "", steps(field("content-length", "2"), "a", "b"), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", false, nil},
		{"announced and empty", "", steps(field("Content-Length", "0")), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, nil},
		{"HTTP/1.0 whole", "GET / HTTP/1.0", steps(nil, "a"), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na", true, nil},
		{"HTTP/1.0 flushed", "GET / HTTP/1.0", steps(nil, "a", "|", "b"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab", true, nil},
		{"HEAD whole", "HEAD / HTTP/1.1", steps(nil, "abc"), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false, nil},
		{"HEAD flushed", "HEAD / HTTP/1.1", steps(nil, "abc", "|"), "HTTP/1.1 200 OK\r\n\r\n", false, nil},
		{"HEAD announced", "HEAD / HTTP/1.1", steps(field("Content-Length", "5")), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, nil},
		{"HEAD announced and written", "HEAD / HTTP/1.1", steps(field("Content-Length", "5"), "abcdefgh"), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, nil},
		{"204", "", steps(status(204)), "HTTP/1.1 204 No Content\r\n\r\n", false, nil},
		{"204 announced", "", steps(both(status(204), field("Content-Length", "0"))), "HTTP/1.1 204 No Content\r\n\r\n", false, nil},
		{"205", "", steps(status(205)), "HTTP/1.1 205 Reset Content\r\n\r\n", false, nil},
		{"304", "", steps(both(status(304), field("Content-Length", "5"))), "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, nil},
		{"an unregistered status", "", steps(status(799)), "HTTP/1.1 799 \r\nContent-Length: 0\r\n\r\n", false, nil},
		{"the application's own coding", "", steps(field("Transfer-Encoding", "chunked"), "0\r\n\r\n"),
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, nil},
		{"a coding without an end", "", steps(field("Transfer-Encoding", "gzip"), "x"),
			"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: gzip\r\n\r\nx", true, nil},
		{"a length beside a coding", "", steps(both(field("Content-Length", "9"), field("Transfer-Encoding", "chunked")), "0\r\n\r\n"),
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, nil},
		{"the application closes", "", steps(field("Connection", "close"), "a"),
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na", true, nil},
		{"the application says something else of the connection", "", steps(field("Connection", "x-hop"), "a"),
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x-hop\r\n\r\na", false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := connect(t, testOptions{}, tt.app)
				line := tt.method
				if line == "" {
					line = "GET / HTTP/1.1"
				}
				c.send(line, "Host: a", "")
				c.want("the response", tt.want)
				if tt.closed {
					c.wantClosed("the connection closed after it")
				} else {
					c.wantIdle("the connection is kept alive, and nothing more is sent")
				}
			})
		})
	}
}

func TestAResponseBodyWhereNoneIsAllowedIsAnError(t *testing.T) {
	for _, code := range []int{204, 205, 304} {
		bubble(t, func(t *testing.T) {
			c := connect(t, testOptions{}, func(c *Conn) error {
				c.Response().SetStatus(code)
				if _, err := c.Response().Write(nil); err != nil {
					t.Errorf("writing nothing to a %d: %v, want nil", code, err)
				}
				if _, err := io.WriteString(c.Response(), "x"); err != httpcommon.ErrBodyNotAllowed {
					t.Errorf("writing to a %d: %v, want httpcommon.ErrBodyNotAllowed", code, err)
				}
				return nil
			})
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("a head without a length", string(appendStatusLine(nil, code)), "")
			c.wantIdle("no body, and the connection is kept alive")
		})
	}
}

func TestLargeBodiesAreChunkedInPiecesOfTheBuffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		large := strings.Repeat("x", 70_000)
		c := connect(t, testOptions{}, steps(nil, "small", large, "end"))
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("what was held back, then the large write as it is, then the rest",
			"HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "5", "small", "11170", large, "3", "end", "0", "", "")
	})
}

func TestNoBufferMeansThatEveryWriteIsSentAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		next := make(chan bool)
		c := connect(t, testOptions{limits: Limits{MaxResponseBufferSize: -2}}, func(c *Conn) error {
			for range 2 {
				if err := ok(c); err != nil {
					return err
				}
				<-next
			}
			return nil
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("the first write, whole", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "2", "ok", "")
		next <- true
		c.want("the second", "2", "ok", "")
		c.wantIdle("no end while the application goes on")
		next <- true
		c.want("the end", "0", "", "")
	})
}

func TestContentLengthIsHeld(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
	const answer500 = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n"
	for _, tt := range []struct {
		name  string
		parts []string
		want  string
		next  Next // More: the connection goes on
	}{
		{"nothing of five: 500, and nobody is confused", nil, answer500 + "\r\n", More},
		{"nothing of five after a flush: the head is out and cannot be taken back", []string{"|"}, head, Abort},
		{"three of five: cut", []string{"abc"}, head + "abc", Abort},
		{"too many at once: 500, and the connection ends since the application is confused", []string{"abcdef"}, answer500 + "Connection: close\r\n\r\n", Close},
		{"too many later: cut, since the promise is not kept", []string{"abc", "defg"}, head + "abc", Abort},
		{"more after all: the response is whole, the connection ends", []string{"abcde", "f"}, head + "abcde", Close},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var app func(*Conn) error
				first := true
				app = func(c *Conn) error {
					if !first {
						return ok(c)
					}
					first = false
					err := steps(field("Content-Length", "5"), tt.parts...)(c)
					if err != nil && err != errTooManyBytes {
						t.Errorf("writing: %v", err)
					}
					return nil // as a net/http handler, which cannot return it
				}
				c := connect(t, testOptions{}, app)
				c.send("GET / HTTP/1.1", "Host: a", "")
				c.want("what can be sent of it", tt.want)
				if tt.next == More {
					c.send("GET / HTTP/1.1", "Host: a", "")
					c.want("the next answer", sent200...)
					return
				}
				c.wantClosed("nothing more")
				c.wantNext("this end", tt.next)
				if len(c.failed) == 0 {
					t.Error("no failure was told: nobody would find the mistake")
				}
			})
		})
	}
}

func TestAnErrorAfterAWholeResponseEndsTheConnectionOnly(t *testing.T) {
	for name, app := range map[string]func(*Conn) error{
		"one byte too many": steps(field("Content-Length", "2"), "ok", "x"),
		"a failure": func(c *Conn) error {
			steps(field("Content-Length", "2"), "ok")(c)
			return errors.New("failed")
		},
	} {
		bubble(t, func(t *testing.T) {
			c := connect(t, testOptions{}, app)
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want(name+": the response, which is whole", sent200...)
			c.wantClosed("the connection closed")
			c.wantNext("no cut: a reset could destroy the response", Close)
		})
	}
}

func TestAPipelinedResponseBeforeAShortOneIsNotSentTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			if c.Request().Path() == "/ok" {
				return ok(c)
			}
			return steps(field("Content-Length", "5"), "|")(c)
		})
		c.write("GET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /short HTTP/1.1\r\nHost: a\r\n\r\n")
		c.want("each response once", append(sent200[:3:3], "okHTTP/1.1 200 OK", "Content-Length: 5", "", "")...)
		c.wantClosed("the second cut, and nothing of the first again")
	})
}

func TestAFailureBeforeTheStartIsAnswered(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
		next Next
	}{
		{errors.New("failed"), "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", More},
		{&httpcommon.BadRequestError{Status: 405, Reason: "x", Allow: "GET"}, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\nAllow: GET\r\n\r\n", Close},
		{&httpcommon.BadRequestError{Reason: "no status"}, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Close},
	} {
		bubble(t, func(t *testing.T) {
			c := connect(t, testOptions{}, func(c *Conn) error {
				field("X-Mine", "1")(c.Response())
				c.Response().OnStarting(func() { t.Error("OnStarting ran for a response that the application did not make") })
				io.WriteString(c.Response(), "part of an answer")
				return tt.err
			})
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("the server's answer, with nothing of the application's", tt.want)
			if tt.next == More {
				c.wantIdle("the connection is kept alive")
			} else {
				c.wantNext("the connection closed", tt.next)
			}
		})
	}
}

func TestAFailureAfterTheStartCutsTheResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			steps(nil, "a", "|")(c)
			return errors.New("failed")
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("what was sent", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "1", "a", "")
		c.wantClosed("no last chunk: the client sees that the body is not whole")
		c.wantNext("a cut", Abort)
	})
}

func TestFieldsThatCannotBeSentFailTheResponse(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Response)
	}{
		{"line break in a value", field("X", "a\r\nEvil: 1")},
		{"LF in a value", field("X", "a\nb")},
		{"NUL in a value", field("X", "a\x00b")},
		{"DEL in a value", field("X", "a\x7fb")},
		{"no name", field("", "a")},
		{"space in a name", field("X Y", "a")},
		{"line break in a name", field("X\r\nEvil", "a")},
		{"a colon in a name", field("X:", "a")},
		{"no number as a length", field("Content-Length", "abc")},
		{"a negative length", field("Content-Length", "-1")},
		{"an empty length", field("Content-Length", "")},
		{"a list of lengths", field("Content-Length", "1, 1")},
		{"two lengths", both(field("Content-Length", "1"), field("content-length", "1"))},
		{"an interim status", status(100)},
		{"101 without an upgrade", status(101)},
		{"no status", status(0)},
		{"a negative status", status(-5)},
		{"a status of four digits", status(1000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := connect(t, testOptions{}, steps(tt.set))
				c.send("GET / HTTP/1.1", "Host: a", "")
				c.want("500 and nothing of it", "HTTP/1.1 500 Internal Server Error", "Content-Length: 0", "", "")
				c.wantIdle("the connection is kept alive")
				if len(c.failed) != 1 {
					t.Errorf("failures %v, want the reason", c.failed)
				}
			})
		})
	}
}

func TestTrailersAreSentAfterAChunkedBody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			field("Trailer", "Sum")(c.Response())
			h := c.Response().ResponseTrailers()
			h.Add("Sum", "1")
			h.Add("Content-Length", "1")
			h.Add("Bad", "a\r\nEvil: 1")
			return ok(c)
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("the trailers that may be sent, after a body that was small enough for a length",
			"HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: Sum", "", "2", "ok", "0", "Sum: 1", "", "")
		c.wantIdle("the connection is kept alive")
	})
}

func TestTrailersOfHTTP10AreDropped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			c.Response().ResponseTrailers().Add("Sum", "1")
			return ok(c)
		})
		c.send("GET / HTTP/1.0", "")
		c.want("a body that ends with the connection: HTTP/1.0 has no place for trailers", "HTTP/1.1 200 OK", "Connection: close", "", "ok")
		c.wantClosed("the connection closed")
	})
}

func TestInterimResponsesAreSentAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		next := make(chan bool)
		var early, late error
		c := connect(t, testOptions{}, func(c *Conn) error {
			h := &httpcommon.Headers{}
			h.Add("Link", "</style.css>; rel=preload")
			h.Add("Content-Length", "1")
			h.Add("Evil", "a\r\nb")
			early = c.Response().SendInterim(103, h)
			<-next
			err := steps(nil, "ok", "|")(c)
			late = c.Response().SendInterim(103, h)
			return err
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("the hints while the handler works", "HTTP/1.1 103 Early Hints", "Link: </style.css>; rel=preload", "", "")
		next <- true
		c.want("the final response", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "2", "ok", "0", "", "")
		if early != nil || late != httpcommon.ErrStarted {
			t.Errorf("SendInterim returned %v and, after the start, %v, want nil and ErrStarted", early, late)
		}
	})
}

func TestHTTP10ClientsGetNoInterimResponse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			if err := c.Response().SendInterim(103, nil); err != nil {
				return err
			}
			return ok(c)
		})
		c.send("GET / HTTP/1.0", "")
		c.want("the final response alone (RFC 9110 §15.2)", "HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", "", "ok")
	})
}

func TestOnStartingRunsLastFirstAndMayChangeTheResponse(t *testing.T) {
	for _, how := range []string{"return", "flush", "large write"} {
		bubble(t, func(t *testing.T) {
			order := ""
			c := connect(t, testOptions{}, func(c *Conn) error {
				s := c.Response()
				s.OnStarting(func() { order += "a"; s.Header().Set("X", "a") })
				s.OnStarting(func() {
					order += "b"
					s.SetStatus(404)
					s.Header().Set("X", "b")
					s.OnStarting(func() { order += "c" })
				})
				switch how {
				case "flush":
					return s.Flush()
				case "large write":
					s.Header().Set("Content-Length", "70000")
					_, err := s.Write(make([]byte, 70000))
					return err
				}
				return nil
			})
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("the status that OnStarting set", "HTTP/1.1 404 Not Found", "")
			if head, _ := c.readFor(time.Second); !strings.Contains(string(head), "X: a\r\n") {
				t.Errorf("%s: head %.200q, want the field that the last hook set", how, head)
			}
			if order != "bca" {
				t.Errorf("%s: hooks ran in order %q, want last registered first, also one registered meanwhile", how, order)
			}
		})
	}
}

func TestAPanicInOnStartingIsAnsweredWith500(t *testing.T) {
	for _, flush := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			c := connect(t, testOptions{}, func(c *Conn) error {
				c.Response().OnStarting(func() { panic("hook") })
				io.WriteString(c.Response(), "ok")
				if flush {
					if err := c.Response().Flush(); err == nil {
						t.Error("Flush returned nil although the response could not start")
					}
				}
				return nil
			})
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("500: the process survives", "HTTP/1.1 500 Internal Server Error", "Content-Length: 0", "", "")
			var p *httpcommon.PanicError
			if len(c.failed) != 1 || !errors.As(c.failed[0], &p) || p.Value != "hook" || len(p.Stack) == 0 {
				t.Errorf("failures %v, want the panic with its stack", c.failed)
			}
		})
	}
}

func TestOnCompletedRunsLastFirstAfterTheResponseIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		order := ""
		var c *testConn
		c = connect(t, testOptions{}, func(e *Conn) error {
			e.Response().OnCompleted(func() { order += "a" })
			e.Response().OnCompleted(func() { panic("hook") })
			e.Response().OnCompleted(func() {
				order += "b"
				if n := c.writes.Load(); n != 1 {
					t.Errorf("%d writes when OnCompleted runs, want the response to be out", n)
				}
			})
			return ok(e)
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("the answer", sent200...)
		c.wantIdle("the connection is kept alive")
		if order != "ba" || len(c.failed) != 1 {
			t.Errorf("order %q and failures %v, want all hooks last first, and the panic of one told", order, c.failed)
		}
	})
}

func TestOnCompletedRunsHoweverTheRequestEnds(t *testing.T) {
	for name, end := range map[string]func(*Conn) error{
		"failure": func(*Conn) error { return errors.New("failed") },
		"cut":     func(c *Conn) error { c.Response().Flush(); return errors.New("failed") },
		"lost":    func(c *Conn) error { c.Lose(httpcommon.ErrRequestAborted); return nil },
		"taken":   func(c *Conn) error { _, err := c.Take(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ran := 0
				c := connect(t, testOptions{}, func(c *Conn) error {
					c.Response().OnCompleted(func() { ran++ })
					return end(c)
				})
				c.send("GET / HTTP/1.1", "Host: a", "")
				synctest.Wait()
				if ran != 1 {
					t.Errorf("OnCompleted ran %d times, want once", ran)
				}
			})
		})
	}
}

func TestAnAbortedRequestHasNoAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			ok(c)
			c.Lose(httpcommon.ErrRequestAborted)
			if err := c.Response().Flush(); err != httpcommon.ErrRequestAborted {
				t.Errorf("Flush after the abort: %v, want its cause", err)
			}
			return ok(c)
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.wantClosed("nothing")
		c.wantNext("a cut", Abort)
	})
}

func TestAClientThatReadsTooSlowlyIsCutOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var cause, writeErr error
		c := connect(t, testOptions{size: 4096, rate: &transport.Rate{BytesPerSecond: 240, Grace: 5 * time.Second}}, func(c *Conn) error {
			c.OnAborted(func(err error) { cause = err })
			for writeErr == nil {
				_, writeErr = c.Response().Write(make([]byte, 1000))
			}
			return nil
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		time.Sleep(5 * time.Minute) // 64 KiB at 240 B/s take less
		<-c.done
		if cause != httpcommon.ErrResponseTooSlow || writeErr == nil {
			t.Errorf("aborted with %v, write error %v, want ErrResponseTooSlow", cause, writeErr)
		}
		c.wantNext("a cut", Abort)
	})
}

func TestTheFieldsOfAResponseAreInKestrelsOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{server: "Lanner"}, steps(both(field("X", "1"), field("Content-Type", "text/plain")), "ok"))
		c.http.cfg.Date = func() []byte { return []byte("Date: today\r\n") }
		c.send("GET / HTTP/1.1", "Host: a", "Connection: close", "")
		c.want("length, connection, date, server, then the application's in their order", "HTTP/1.1 200 OK",
			"Content-Length: 2", "Connection: close", "Date: today", "Server: Lanner", "X: 1", "Content-Type: text/plain", "", "ok")
	})
}

func TestTheApplicationsDateAndServerWin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{server: "Lanner"}, func(c *Conn) error {
			field("server", "Mine")(c.Response())
			if c.Request().Path() == "/none" {
				field("Date", "")(c.Response())
			} else {
				field("date", "then")(c.Response())
			}
			return ok(c)
		})
		c.http.cfg.Date = func() []byte { return []byte("Date: today\r\n") }
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("the application's own", "HTTP/1.1 200 OK", "Content-Length: 2", "server: Mine", "date: then", "", "ok")
		c.send("GET /none HTTP/1.1", "Host: a", "")
		c.want("no date at all, as the bridge to net/http says it", "HTTP/1.1 200 OK", "Content-Length: 2", "server: Mine", "", "ok")
	})
}

func TestSendFromCopiesWhatTheKernelCannotSend(t *testing.T) {
	bubble(t, func(t *testing.T) {
		large := strings.Repeat("x", 100_000)
		c := connect(t, testOptions{}, func(c *Conn) error {
			if c.Request().Path() == "/length" {
				field("Content-Length", "100000")(c.Response())
			}
			n, err := c.Response().SendFrom(strings.NewReader(large))
			if n != 100_000 {
				t.Errorf("SendFrom returned %d, want 100000", n)
			}
			return err
		})
		c.send("GET /length HTTP/1.1", "Host: a", "")
		c.want("the body as announced", "HTTP/1.1 200 OK", "Content-Length: 100000", "", large)
		c.send("GET /chunked HTTP/1.1", "Host: a", "")
		c.want("the body in chunks", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "10000", large[:1<<16], "86a0", large[1<<16:], "0", "", "")
	})
}

func TestNothingIsWrittenAfterATakeover(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := connect(t, testOptions{}, func(c *Conn) error {
			field("Content-Length", "100000")(c.Response())
			if _, err := c.Take(); err != nil {
				return err
			}
			if _, err := c.Response().Write([]byte("x")); err != errTaken {
				t.Errorf("Write: %v, want errTaken", err)
			}
			if err := c.Response().Flush(); err != errTaken {
				t.Errorf("Flush: %v, want errTaken", err)
			}
			if _, err := c.Response().SendFrom(strings.NewReader("x")); err != errTaken {
				t.Errorf("SendFrom: %v, want errTaken", err)
			}
			if err := c.Response().SendInterim(103, nil); err != errTaken {
				t.Errorf("SendInterim: %v, want errTaken", err)
			}
			if _, err := c.Take(); err != errTaken {
				t.Errorf("a second Take: %v, want errTaken", err)
			}
			return nil
		})
		c.send("GET / HTTP/1.1", "Host: a", "")
		synctest.Wait()
		c.wantIdle("nothing: the connection is the application's")
		c.wantNext("the connection taken", Taken)
		if c.writes.Load() != 0 {
			t.Error("the engine wrote to a connection that was taken over")
		}
	})
}
