package servertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// readResult is what an application got when it read a body.
type readResult struct {
	length int64
	body   string
	err    error
}

// readAll is an application that reads the whole body and reports it.
func readAll(got chan<- readResult) server.ApplicationFunc {
	return func(f *server.Features) error {
		req, _ := server.Get[server.RequestFeature](f)
		length := req.ContentLength()
		body, err := readBody(f)
		got <- readResult{length, body, err}
		return err
	}
}

var bodyChecks = []check{
	{"TheApplicationReadsBodies", func(t *testing.T, s suite) {
		got := make(chan readResult, 1)
		r := s.start(t, readAll(got))
		c := r.dial()
		for _, tt := range []struct {
			head, wire, body string
			length           int64
			why              string
		}{
			{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5", "hello", "hello", 5, "Content-Length"},
			{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n",
				"hello, world", -1, "chunked: the length is not known"},
			{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "0\r\n\r\n", "", -1, "chunked and empty"},
			{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "5;name=value\r\nhello\r\n0\r\n\r\n", "hello", -1,
				"a chunk extension is no content"},
			{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0", "", "", 0, "Content-Length 0"},
			{"POST / HTTP/1.1\r\nHost: a", "", "", 0, "a request without either field has no body (RFC 9112 §6.3)"},
			{"GET / HTTP/1.1\r\nHost: a", "", "", 0, "so has a GET"},
			{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3", "abc", "abc", 3, "but a GET may have one"},
		} {
			c.write(tt.head + "\r\n\r\n" + tt.wire)
			c.want("an answer after the body was read", "POST", 200)
			in := receive(t, got, "the application reads the body to its end")
			if in.err != nil || in.body != tt.body || in.length != tt.length {
				t.Errorf("%s: body %q, ContentLength %d, error %v, want %q, %d and none", tt.why, in.body, in.length, in.err,
					tt.body, tt.length)
			}
		}
	}},
	{"TheNextRequestBeginsWhereTheBodyEnds", func(t *testing.T, s suite) {
		paths := make(chan string, 8)
		r := s.start(t, func(f *server.Features) error {
			paths <- strings.Clone(requestPath(f))
			return hello(f)
		})
		const inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
		for _, framing := range []struct{ field, body string }{
			{fmt.Sprintf("Content-Length: %d", len(inner)), inner},
			{"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)},
		} {
			c := r.dial()
			c.write("POST /unread HTTP/1.1\r\nHost: a\r\n" + framing.field + "\r\n\r\n" + framing.body +
				"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			c.wantBody("the answer although the application read nothing", 200, "hello")
			// What was not read is skipped, or the connection ends. It is never taken for a request.
			if _, err := io.Copy(io.Discard, c.r); timedOut(err) {
				t.Errorf("%s: the connection stays open after Connection: close", framing.field)
			}
		}
		if err := r.stop(patience); err != nil {
			t.Errorf("Stop: %v", err)
		}
		for len(paths) > 0 {
			if <-paths == "/smuggled" {
				t.Error("a body that the application did not read was taken for the next request: that is request smuggling")
			}
		}
	}},
	{"ATruncatedBodyIsAnError", func(t *testing.T, s suite) {
		got := make(chan readResult, 1)
		r := s.start(t, readAll(got))
		for _, tt := range []struct{ field, body, why string }{
			{"Content-Length: 10", "hello", "five of ten bytes"},
			{"Transfer-Encoding: chunked", "5\r\nhello\r\n", "no last chunk"},
			{"Transfer-Encoding: chunked", "a\r\nhello", "half a chunk"},
		} {
			c := r.dial()
			c.write("POST / HTTP/1.1\r\nHost: a\r\n" + tt.field + "\r\n\r\n" + tt.body)
			if err := c.conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			c.wantRejected(tt.why, got)
		}
	}},
	{"ABrokenChunkIsAnError", func(t *testing.T, s suite) {
		got := make(chan readResult, 1)
		r := s.start(t, readAll(got))
		for _, body := range []string{"zz\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n"} {
			c := r.dial()
			c.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
			c.wantRejected(fmt.Sprintf("%q", body), got)
		}
	}},
	{"AClientThatWaitsForContinueGetsIt", func(t *testing.T, s suite) {
		got := make(chan readResult, 1)
		r := s.start(t, readAll(got))
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue", "")
		c.head("the invitation to send the body (RFC 9110 §10.1.1)", http.MethodPost, 100)
		c.write("hello")
		c.want("the answer", http.MethodPost, 200)
		if in := receive(t, got, "the application reads the body"); in.body != "hello" || in.err != nil {
			t.Errorf("body %q, error %v, want hello and none", in.body, in.err)
		}
	}},
}

// wantRejected reads the connection to its end: the application got an error, or was not called at all.
func (c *client) wantRejected(what string, got <-chan readResult) {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	if timedOut(err) {
		c.t.Errorf("%s: the connection stays open, so what follows could be taken for a request", what)
	}
	if len(rest) > 12 && string(rest[9:12]) == "200" {
		c.t.Errorf("%s: the answer is 200, want an error: the body is not whole", what)
	}
	select {
	case in := <-got:
		if in.err == nil {
			c.t.Errorf("%s: the body %q ended without an error: the application takes a part for the whole", what, in.body)
		}
	default:
	}
}
