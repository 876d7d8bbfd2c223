package servertest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/server"
)

var errApplication = errors.New("servertest: an error on purpose")

// failing is an application that fails on all paths but /.
func failing(f *server.Features) error {
	res, _ := server.Get[server.ResponseFeature](f)
	res.Header().Set("X-Application", "yes")
	switch requestPath(f) {
	case "/error":
		res.SetStatus(201)
		return errApplication
	case "/panic":
		panic("servertest: a panic on purpose")
	case "/400":
		return &server.BadRequestError{Status: 400, Reason: "on_purpose"}
	case "/431":
		return fmt.Errorf("reading the request: %w", &server.BadRequestError{Status: 431, Reason: "on_purpose"})
	case "/silent":
		panic(http.ErrAbortHandler)
	}
	return hello(f)
}

var errorChecks = []check{
	{"AnErrorBeforeTheStartIsAnswered", func(t *testing.T, s suite) {
		r := s.start(t, failing)
		for _, tt := range []struct {
			path   string
			status int
			why    string
		}{
			{"/error", 500, "an error is a 500, whatever status was set"},
			{"/panic", 500, "so is a panic"},
			{"/400", 400, "a BadRequestError has its status"},
			{"/431", 431, "also wrapped"},
		} {
			if a := r.get(tt.why, tt.path, tt.status); a.Header.Get("X-Application") != "" {
				t.Errorf("%s: the answer has a field of the response that was given up", tt.path)
			}
			r.get("the server goes on to serve", "/", 200)
		}
	}},
	{"AFailureDoesNotDisturbOthers", func(t *testing.T, s suite) {
		g := newGate()
		r := s.start(t, func(f *server.Features) error {
			if requestPath(f) == "/wait" {
				return g.process(f)
			}
			return failing(f)
		})
		defer g.open()
		other := g.hold(r)
		for _, path := range []string{"/error", "/panic", "/400"} {
			c := r.dial()
			c.send("GET "+path+" HTTP/1.1", "Host: a", "")
			if res, err := http.ReadResponse(c.r, nil); err != nil {
				t.Errorf("%s: no answer: %v", path, err)
			} else if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Errorf("%s: the answer broke: %v", path, err)
			}
		}
		g.open()
		other.wantBody("the answer on a connection where nothing failed", 200, "waited")
	}},
	{"AnErrorAfterTheStartBreaksTheResponse", func(t *testing.T, s suite) {
		for _, length := range []string{"", "100"} {
			for _, how := range []string{"error", "panic", "silent"} {
				r := s.start(t, func(f *server.Features) error {
					res := need[server.ResponseFeature](t, f)
					if length != "" {
						res.Header().Set("Content-Length", length)
					}
					if err := respond(f, 200, "part"); err != nil {
						return err
					}
					if err := res.Flush(); err != nil {
						return err
					}
					switch how {
					case "panic":
						panic("servertest: a panic on purpose")
					case "silent":
						panic(http.ErrAbortHandler)
					}
					return errApplication
				})
				c := r.dial()
				c.send("GET / HTTP/1.1", "Host: a", "")
				res := c.head("the response that had started", http.MethodGet, 200)
				c.wantNext("the part that was flushed", res.Body, "part")
				c.wantBroken("the client to see that the rest is missing after "+how, res.Body)
			}
		}
	}},
	{"ErrAbortHandlerEndsTheConnectionSilently", func(t *testing.T, s suite) {
		r := s.start(t, failing)
		c := r.dial()
		c.send("GET /silent HTTP/1.1", "Host: a", "")
		c.wantClosed("the connection closed without an answer")
		r.get("the server goes on to serve", "/", 200)
	}},
}
