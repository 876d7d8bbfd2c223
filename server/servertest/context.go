package servertest

import (
	"io"
	"testing"

	"github.com/lannerhq/lanner/server"
)

var contextChecks = []check{
	{"AContextHandlerRuns", func(t *testing.T, s suite) {
		r := s.startServer(t, s.newServer(), server.ContextHandler(func(c *server.Context) error {
			body, err := io.ReadAll(c.Body())
			if err != nil {
				return err
			}
			page, _ := c.Query("page")
			c.SetStatus(202)
			c.SetHeader("X-Seen", c.Method()+" "+c.Path()+" "+page+" "+c.Host()+" "+c.RequestHeader("x-sent"))
			c.SetContentLength(int64(len(body)))
			_, err = c.Write(body)
			return err
		}))
		c := r.dial()
		for range 2 {
			c.send("POST /a?page=2 HTTP/1.1", "Host: example.org", "X-Sent: yes", "Content-Length: 5", "")
			c.write("hello")
			a := c.wantBody("the handler's answer", 202, "hello")
			if got, want := a.Header.Get("X-Seen"), "POST /a 2 example.org yes"; got != want {
				t.Errorf("the handler saw %q, want %q", got, want)
			}
			if a.ContentLength != 5 {
				t.Errorf("Content-Length %d, want 5", a.ContentLength)
			}
		}
	}},
	{"WhatAContextHandlerSetOutlivesIt", func(t *testing.T, s suite) {
		// The header section of a response without a body may be sent after the handler has returned its Context.
		r := s.startServer(t, s.newServer(), server.ContextHandler(func(c *server.Context) error {
			c.SetHeader("X-Application", "yes")
			c.SetContentLength(1234567)
			return nil
		}))
		c := r.dial()
		for range 3 {
			c.send("HEAD / HTTP/1.1", "Host: a", "")
			if a := c.want("a header section", "HEAD", 200); a.Header.Get("Content-Length") != "1234567" || a.Header.Get("X-Application") != "yes" {
				t.Errorf("header %v, want Content-Length 1234567 and X-Application", a.Header)
			}
		}
	}},
	{"AContextHandlerTakesAndGivesWholeBodies", func(t *testing.T, s suite) {
		mux := new(server.ContextMux)
		mux.Handle("POST /echo/{name}", func(c *server.Context) error {
			body, err := c.ReadBody(nil, 10)
			if err != nil {
				return err
			}
			c.SetHeader("X-Name", c.PathValue("name"))
			return c.WriteBody(body)
		})
		r := s.startServer(t, s.newServer(), mux)
		c := r.dial()
		for _, framing := range []string{"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"} {
			c.write("POST /echo/a%2Fb HTTP/1.1\r\nHost: a\r\n" + framing)
			a := c.wantBody("the body that was sent", 200, "hello")
			if a.ContentLength != 5 || a.Header.Get("X-Name") != "a/b" {
				t.Errorf("Content-Length %d and value %q, want 5 and a/b", a.ContentLength, a.Header.Get("X-Name"))
			}
		}
		c.write("POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world")
		c.want("the answer to a body above the handler's limit", "POST", 413)
	}},
}
