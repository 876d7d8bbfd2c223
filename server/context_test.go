package server_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func TestContextIsAViewOfTheFeatures(t *testing.T) {
	f, q, s := newExchange("/path?a=1&b&c=%20&a=2&=x", nil)
	q.base, q.length, q.body = "/base", 5, strings.NewReader("hello")
	q.header.Add("X-Sent", "yes")
	err := server.ContextHandler(func(c *server.Context) error {
		for _, tt := range []struct{ name, got, want string }{
			{"Method", c.Method(), "GET"},
			{"Scheme", c.Scheme(), "http"},
			{"Host", c.Host(), "example.org"},
			{"Path", c.Path(), "/path"},
			{"PathBase", c.PathBase(), "/base"},
			{"RawQuery", c.RawQuery(), "a=1&b&c=%20&a=2&=x"},
			{"RawTarget", c.RawTarget(), "/path?a=1&b&c=%20&a=2&=x"},
			{"Protocol", c.Protocol(), "HTTP/1.1"},
			{"RequestHeader", c.RequestHeader("x-sent"), "yes"},
		} {
			if tt.got != tt.want {
				t.Errorf("%s() = %q, want the request's %q", tt.name, tt.got, tt.want)
			}
		}
		for _, tt := range []struct {
			name, want string
			found      bool
			why        string
		}{
			{"a", "1", true, "the first of two"},
			{"b", "", true, "there without a value"},
			{"c", "%20", true, "raw"},
			{"", "x", true, "a name may be empty"},
			{"d", "", false, "not there"},
		} {
			if got, found := c.Query(tt.name); got != tt.want || found != tt.found {
				t.Errorf("Query(%q) = %q, %v, want %q, %v: %s", tt.name, got, found, tt.want, tt.found, tt.why)
			}
		}
		if body, err := io.ReadAll(c.Body()); string(body) != "hello" || err != nil || c.ContentLength() != 5 {
			t.Errorf("body %q, %v, length %d, want hello", body, err, c.ContentLength())
		}
		c.SetStatus(201)
		c.SetHeader("X-One", "a")
		c.SetHeader("X-One", "b")
		c.AddHeader("X-One", "c")
		c.SetContentLength(10)
		c.WriteString("01234")
		c.Write([]byte("56789"))
		if c.Started() || c.ResponseHeaders().Get("X-One") != "b" || c.Features() != f || c.RequestHeaders().Len() != 1 {
			t.Error("Started, ResponseHeaders, Features or RequestHeaders is not the feature's")
		}
		return errors.Join(c.Flush(), errBoom)
	}).Process(f)
	if !errors.Is(err, errBoom) {
		t.Errorf("Process = %v, want the handler's error", err)
	}
	if s.Status() != 201 || s.body.String() != "0123456789" || s.flushed != 1 {
		t.Errorf("status %d, body %q, flushed %d times, want 201, all ten bytes, once", s.Status(), s.body.String(), s.flushed)
	}
	if want := "X-One: b\nX-One: c\nContent-Length: 10\n"; s.fields() != want {
		t.Errorf("fields %q, want %q", s.fields(), want)
	}
}

var errBoom = errors.New("boom")

// TestWhatAContextSetOutlivesIt: a server may send the fields when the context serves another request already.
func TestWhatAContextSetOutlivesIt(t *testing.T) {
	var responses []*fakeResponse
	for i := range 10 {
		f, _, s := newExchange("/", nil)
		err := server.ContextHandler(func(c *server.Context) error {
			c.SetContentLength(int64(1000 + i))
			return nil
		}).Process(f)
		if err != nil {
			t.Fatal(err)
		}
		responses = append(responses, s)
	}
	for i, s := range responses {
		if got, want := s.Header().Get("Content-Length"), "100"+string(rune('0'+i)); got != want {
			t.Errorf("after other requests the Content-Length of response %d is %q, want %s", i, got, want)
		}
	}
}

func TestAContextEndsWithItsHandler(t *testing.T) {
	life := new(fakeLifetime)
	f, _, _ := newExchange("/", life)
	var kept context.Context
	var keptC *server.Context
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the handler's panic was swallowed: it is the server's to handle")
			}
		}()
		_ = server.ContextHandler(func(c *server.Context) error {
			kept, keptC = c.Context(), c
			if c.Context() != kept {
				t.Error("Context() returns two contexts for one request")
			}
			if kept.Err() != nil {
				t.Errorf("the context has ended while the handler runs: %v", kept.Err())
			}
			panic("boom")
		}).Process(f)
	}()
	if !errors.Is(context.Cause(kept), server.ErrRequestDone) || !errors.Is(kept.Err(), context.Canceled) {
		t.Errorf("after the handler the context's cause is %v, want server.ErrRequestDone", context.Cause(kept))
	}
	if !server.RaceEnabled {
		return // such a use goes unseen
	}
	defer func() {
		if recover() == nil {
			t.Error("a build with the race detector lets a kept Context pass: it must panic")
		}
	}()
	keptC.Method()
}

func TestAContextHandlerDoesNotAllocate(t *testing.T) {
	if server.RaceEnabled {
		t.Skip("a build with the race detector recycles nothing")
	}
	f, _, s := newExchange("/plaintext", nil)
	app := server.ContextHandler(func(c *server.Context) error {
		c.SetHeader("Content-Length", "13")
		c.SetHeader("Content-Type", "text/plain")
		_, err := c.WriteString("Hello, World!")
		return err
	})
	if allocs := testing.AllocsPerRun(100, func() {
		s.Header().Reset()
		s.body.Reset()
		if err := app.Process(f); err != nil {
			t.Fatal(err)
		}
	}); allocs > 0 {
		t.Errorf("a plain handler allocates %v times, want none: that is what Context is for", allocs)
	}
}
