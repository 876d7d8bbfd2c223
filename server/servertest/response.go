package servertest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

var responseChecks = []check{
	{"AResponseHasWhatTheApplicationSet", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			res := need[server.ResponseFeature](t, f)
			if res.Status() != 200 || res.Started() {
				t.Errorf("before anything is set the status is %d and Started is %v, want 200 and false", res.Status(), res.Started())
			}
			h := res.Header()
			h.Set("Content-Type", "text/x-test")
			h.Set("X-One", "to be replaced")
			h.Set("x-one", "1")
			h.Add("X-Many", "first")
			h.Add("X-Many", "second, third")
			h.Add("Set-Cookie", "a=1; Path=/")
			h.Add("Set-Cookie", "a=2; HttpOnly")
			h.Add("ETag", `"v1"`)
			return respond(f, 201, "created")
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "")
		a := c.wantBody("the response", 201, "created")
		for _, tt := range []struct {
			name string
			want []string
			why  string
		}{
			{"Content-Type", []string{"text/x-test"}, "the type is the application's"},
			{"X-One", []string{"1"}, "Set replaces, whatever the case"},
			{"X-Many", []string{"first", "second, third"}, "lines of one name stay apart and in order"},
			{"Set-Cookie", []string{"a=1; Path=/", "a=2; HttpOnly"}, "cookies must never be joined (RFC 9110 §5.3)"},
			{"Etag", []string{`"v1"`}, "a known name is sent like any other"},
		} {
			if got := a.Header.Values(tt.name); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %q, want %q: %s", tt.name, got, tt.want, tt.why)
			}
		}
	}},
	{"EveryStatusCodeIsSent", func(t *testing.T, s suite) {
		statuses := []int{200, 202, 206, 301, 404, 418, 429, 500, 503, 599, 799}
		next := make(chan int, len(statuses))
		r := s.start(t, func(f *server.Features) error { return respond(f, <-next, "body") })
		for _, status := range statuses {
			next <- status
			if a := r.get("the status that was set", "/", status); a.body != "body" {
				t.Errorf("the body of a %d is %q, want what was written", status, a.body)
			}
		}
	}},
	{"AnAnnouncedLengthIsSent", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			need[server.ResponseFeature](t, f).Header().Set("Content-Length", "10")
			if err := respond(f, 200, "01234"); err != nil {
				return err
			}
			return respond(f, 200, "56789")
		})
		c := r.dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: a", "")
			if a := c.wantBody("both writes", 200, "0123456789"); a.ContentLength != 10 || len(a.TransferEncoding) > 0 {
				t.Errorf("Content-Length %d, Transfer-Encoding %q, want 10 and none", a.ContentLength, a.TransferEncoding)
			}
		}
	}},
	{"AResponseWithoutALengthIsFramed", func(t *testing.T, s suite) {
		r := s.start(t, hello)
		c := r.dial()
		for range 2 { // the next response shows that the client saw the end of the first
			c.send("GET / HTTP/1.1", "Host: a", "")
			if a := c.wantBody("a body that ends", 200, "hello"); a.Header.Get("Content-Type") != "" {
				t.Errorf("Content-Type %q, want none: the application set none, and guessing is not the server's", a.Header.Get("Content-Type"))
			}
		}
	}},
	{"AnHTTP10ClientGetsNoChunks", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			for i := range 3 {
				if err := respond(f, 200, fmt.Sprintln("part", i)); err != nil {
					return err
				}
				if err := need[server.ResponseFeature](t, f).Flush(); err != nil {
					return err
				}
			}
			return nil
		})
		c := r.dial()
		c.send("GET / HTTP/1.0", "")
		raw, err := io.ReadAll(c.r)
		if err != nil {
			t.Fatalf("the connection is not closed after the response: an HTTP/1.0 client waits for that: %v", err)
		}
		head, body, _ := strings.Cut(string(raw), "\r\n\r\n")
		if body != "part 0\npart 1\npart 2\n" || strings.Contains(strings.ToLower(head), "transfer-encoding") {
			t.Errorf("got %q, want the body as it is: HTTP/1.0 knows no transfer coding (RFC 9112 §6.1)", raw)
		}
	}},
	{"NothingChangesAfterTheResponseStarted", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			res := need[server.ResponseFeature](t, f)
			res.Header().Set("X-Before", "yes")
			res.SetStatus(202)
			if err := res.Flush(); err != nil {
				return err
			}
			if !res.Started() {
				t.Error("Started() is false after Flush")
			}
			res.SetStatus(500)
			res.Header().Set("X-After", "yes")
			if res.Status() != 202 {
				t.Errorf("Status() is %d after a late SetStatus, want the 202 that was sent", res.Status())
			}
			_, err := io.WriteString(res, "body")
			return err
		})
		a := r.get("the status set before the start", "/", 202)
		if a.Header.Get("X-Before") != "yes" || a.Header.Get("X-After") != "" || a.body != "body" {
			t.Errorf("header %v, body %q, want X-Before alone and the body", a.Header, a.body)
		}
	}},
}

var emptyChecks = []check{
	{"AnEmptyResponseEnds", func(t *testing.T, s suite) {
		r := s.start(t, func(*server.Features) error { return nil })
		c := r.dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.wantBody("200 and no body when the application does nothing", 200, "")
		}
	}},
	{"AResponseToHEADHasNoBody", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			if requestPath(f) == "/length" {
				need[server.ResponseFeature](t, f).Header().Set("Content-Length", "5")
			}
			return hello(f)
		})
		c := r.dial()
		for _, path := range []string{"/length", "/nolength"} {
			c.send("HEAD "+path+" HTTP/1.1", "Host: a", "")
			a := c.want("a header section", http.MethodHead, 200)
			if path == "/length" && a.Header.Get("Content-Length") != "5" {
				t.Errorf("Content-Length %q, want the 5 that the application announced", a.Header.Get("Content-Length"))
			}
			c.send("GET "+path+" HTTP/1.1", "Host: a", "")
			c.wantBody("the next answer right after the header section, so no body was sent", 200, "hello")
		}
	}},
	{"NoContentHasNoBody", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			switch requestPath(f) {
			case "/204":
				need[server.ResponseFeature](t, f).SetStatus(204)
			case "/304":
				res := need[server.ResponseFeature](t, f)
				res.Header().Set("ETag", `"v1"`)
				res.SetStatus(304)
			case "/204/body": // against the rules: whatever the error, the body must not get out
				_ = respond(f, 204, "no body here")
			default:
				return hello(f)
			}
			return nil
		})
		c := r.dial()
		for _, tt := range []struct {
			path   string
			status int
		}{{"/204", 204}, {"/304", 304}, {"/204/body", 204}} {
			c.send("GET "+tt.path+" HTTP/1.1", "Host: a", "")
			a := c.want("a header section", http.MethodGet, tt.status)
			if tt.status == 204 && (a.Header.Get("Content-Length") != "" || len(a.TransferEncoding) > 0) {
				t.Errorf("a 204 has Content-Length %q, Transfer-Encoding %q: it must have neither (RFC 9110 §8.6, RFC 9112 §6.1)",
					a.Header.Get("Content-Length"), a.TransferEncoding)
			}
			if a.StatusCode == 304 && a.Header.Get("ETag") != `"v1"` {
				t.Errorf("a 304 has ETag %q, want what was set", a.Header.Get("ETag"))
			}
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.wantBody("the next answer right after the header section, so no body was sent", 200, "hello")
		}
	}},
}
