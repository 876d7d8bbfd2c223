package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// route registers patterns, each with a handler that notes it, and returns a function that asks for a target.
func route(patterns ...string) func(t *testing.T, method, host, target string) (*fakeResponse, *server.Features, string) {
	mux, seen := new(server.ContextMux), ""
	for _, p := range patterns {
		mux.Handle(p, func(c *server.Context) error {
			seen = fmt.Sprintf("%s x=%q", c.Pattern(), c.PathValue("x"))
			return nil
		})
	}
	return func(t *testing.T, method, host, target string) (*fakeResponse, *server.Features, string) {
		t.Helper()
		f, q, s := newExchange(target, nil)
		q.method, q.host, seen = method, host, ""
		if err := mux.Process(f); err != nil {
			t.Fatalf("%s %s: %v", method, target, err)
		}
		return s, f, seen
	}
}

func TestContextMuxDecodesWhatAWildcardTakes(t *testing.T) {
	ask := route("/one/{x}", "/rest/{x...}", "/lit%2Feral/{x}", "/caf%C3%A9", "/100%25", "/a%252Fb")
	for _, tt := range []struct{ target, want, why string }{
		{"/one/a%20b", `/one/{x} x="a b"`, "decoded"},
		{"/one/a%2Fb", `/one/{x} x="a/b"`, "an encoded slash divides no segments, and is a slash in the value"},
		{"/one/a%2fb%2Fc", `/one/{x} x="a/b/c"`, "in either case"},
		{"/one/a%252Fb", `/one/{x} x="a%2Fb"`, "decoded once, not twice"},
		{"/one/a%252Fb%2Fc", `/one/{x} x="a%2Fb/c"`, "both in one value"},
		{"/one/%25", `/one/{x} x="%"`, "a percent sign"},
		{"/one/%ff", `/one/{x} x="%ff"`, "what is not UTF-8 stays as sent, as in Path"},
		{"/one/%C3%A9", `/one/{x} x="é"`, "UTF-8"},
		{"/o%6Ee/1", `/one/{x} x="1"`, "a literal is compared decoded"},
		{"/rest/a/b%2Fc/d", `/rest/{x...} x="a/b/c/d"`, "the rest is decoded, too"},
		{"/rest/%2F", `/rest/{x...} x="/"`, "nothing but an encoded slash"},
		{"/lit%2Feral/1", `/lit%2Feral/{x} x="1"`, "a literal with an encoded slash"},
		{"/lit%2feral/1", `/lit%2Feral/{x} x="1"`, "in lower case"},
		{"/lit%252Feral/1", ``, "another path: it has no slash there"},
		{"/lit\xfferal/1", ``, "a byte that stands for an encoded slash inside of the mux only"},
		{"/caf%C3%A9", `/caf%C3%A9 x=""`, "a literal with UTF-8"},
		{"/100%25", `/100%25 x=""`, "a literal with a percent sign"},
		{"/a%252Fb", `/a%252Fb x=""`, "a literal that has %2F as text"},
		{"/a%2Fb", ``, "which an encoded slash is not"},
	} {
		s, _, got := ask(t, "GET", "h", tt.target)
		if got != tt.want || (got == "") != (s.Status() == 404) {
			t.Errorf("%s: called %q with status %d, want %q: %s", tt.target, got, s.Status(), tt.want, tt.why)
		}
	}
}

// TestContextMuxDiffersFromServeMuxAsDocumented is the list of differences in docs/reference/low-level-api.md.
func TestContextMuxDiffersFromServeMuxAsDocumented(t *testing.T) {
	ask := route("Example.ORG/{x}", "/deep/tree/", "/{x}", "CONNECT /connect/{x}/y", "/%41bc/")
	for _, tt := range []struct{ method, host, target, want, why string }{
		{"GET", "EXAMPLE.org:80", "/1", `Example.ORG/{x} x="1"`, "hosts ignore case (RFC 9110 §4.2.3)"},
		{"GET", "h", "/a/%2e%2e/1", `/{x} x="1"`, "encoded dot segments are removed by the server"},
		{"GET", "h", "/Abc/", `/%41bc/ x=""`, "a pattern is decoded as a path is"},
	} {
		if _, _, got := ask(t, tt.method, tt.host, tt.target); got != tt.want {
			t.Errorf("%s %s%s: called %q, want %q: %s", tt.method, tt.host, tt.target, got, tt.want, tt.why)
		}
	}
	for _, tt := range []struct {
		method, target string
		status         int
		location, why  string
	}{
		{"OPTIONS", "*", 400, "", "the server as a whole has no path"},
		{"CONNECT", "h:443", 404, "", "neither has a tunnel"},
		{"CONNECT", "/connect//y", 404, "", "a wildcard takes no empty segment"},
		{"CONNECT", "/connect/1/./y/", 404, "", "CONNECT is not redirected to the clean path"},
		{"GET", "/a/b/..", 307, "/a/", "the path as RFC 3986 has it: a slash at the end"},
		{"GET", "/a%2Fb//c", 307, "/a%2Fb/c", "an encoded slash stays one in a redirect"},
		{"GET", "//evil.example/%5C..", 307, "/evil.example/%5C..", "never to another host"},
		{"GET", "/%5Cevil.example/%0d%0a//", 307, "/%5Cevil.example/%0D%0A/", "nor another line"},
		{"POST", "http://h/deep/tree?q=%20", 307, "/deep/tree/?q=%20", "the absolute form; the query as sent"},
	} {
		s, _, _ := ask(t, tt.method, "h", tt.target)
		if got := s.Header().Get("Location"); s.Status() != tt.status || got != tt.location {
			t.Errorf("%s %s: %d %q, want %d %q: %s", tt.method, tt.target, s.Status(), got, tt.status, tt.location, tt.why)
		}
	}
}

func TestContextMuxIsUnderThePathBase(t *testing.T) {
	mux := new(server.ContextMux)
	var seen string
	note := func(c *server.Context) error { seen = c.Pattern() + " " + c.PathValue("x"); return nil }
	mux.Handle("/{$}", note)
	mux.Handle("/a/{x}/", note)
	for _, tt := range []struct{ target, seen, location string }{
		{"/Sub", "/{$} ", ""},
		{"/sub/", "/{$} ", ""},
		{"/sub/a/1%2F%252F2/", "/a/{x}/ 1/%2F2", ""},
		{"/sub/a/1%2F2", "", "/sub/a/1%2F2/"},
		{"/sub//a/1/", "", "/sub/a/1/"},
	} {
		seen = ""
		f, _, s := newExchange(tt.target, nil)
		if !server.Rebase(f, "/sub") {
			t.Fatalf("%s is not under /sub", tt.target)
		}
		if err := mux.Process(f); err != nil || seen != tt.seen || s.Header().Get("Location") != tt.location {
			t.Errorf("%s under /sub: called %q, Location %q, %v, want %q and %q", tt.target, seen, s.Header().Get("Location"), err, tt.seen, tt.location)
		}
	}
}

// replacedPath is a request whose path a middleware has made.
type replacedPath struct {
	server.RequestFeature
	path string
}

func (r replacedPath) Path() string { return r.path }

func TestContextMuxGoesByThePathThatAMiddlewareSet(t *testing.T) {
	mux := new(server.ContextMux)
	var seen string
	mux.Handle("/new/{x}", func(c *server.Context) error { seen = c.PathValue("x"); return nil })
	for _, tt := range []struct{ target, path, want, why string }{
		{"/old", "/new/1", "1", "the target is not looked at"},
		{"/old", "/new/a%2Fb", "a/b", "%2F is an encoded slash, as in any Path"},
		{"/old%25", "/new/a%2Fb", "a%2Fb", "it may have been %252F: nothing is decoded that may be text"},
	} {
		seen = ""
		f, q, _ := newExchange(tt.target, nil)
		server.Set[server.RequestFeature](f, replacedPath{q, tt.path})
		if err := mux.Process(f); err != nil || seen != tt.want {
			t.Errorf("%s in the place of %s: value %q, %v, want %q: %s", tt.path, tt.target, seen, err, tt.want, tt.why)
		}
	}
}

func TestTheRouteIsKnownBehindTheMux(t *testing.T) {
	ask := route("GET /users/{x}", "/tree/")
	for _, tt := range []struct{ target, want string }{{"/users/7", "GET /users/{x}"}, {"/tree", "/tree/"}, {"/other", ""}} {
		_, f, _ := ask(t, "GET", "h", tt.target)
		route, ok := server.Get[server.RouteFeature](f)
		if ok != (tt.want != "") || ok && route.Route() != tt.want {
			t.Errorf("after %s the RouteFeature is %v, %v, want %q", tt.target, route, ok, tt.want)
		}
	}
	f, _, _ := newExchange("/", nil)
	_ = server.ContextHandler(func(c *server.Context) error {
		if c.Pattern() != "" || c.PathValue("x") != "" || c.PathValue("") != "" {
			t.Error("a Context that no mux has seen has a pattern or a value")
		}
		return nil
	}).Process(f)
}

func TestAMuxInAMuxSetsItsOwnPatternAndValues(t *testing.T) {
	outer, inner := new(server.ContextMux), new(server.ContextMux)
	var seen string
	inner.Handle("/api/{x}", func(c *server.Context) error {
		seen = c.Pattern() + " " + c.PathValue("x") + c.PathValue("rest")
		return nil
	})
	outer.Handle("/api/{rest...}", inner.Serve)
	f, _, _ := newExchange("/api/1", nil)
	if err := outer.Process(f); err != nil || seen != "/api/{x} 1" {
		t.Errorf("the inner handler saw %q, %v, want the inner pattern and its value", seen, err)
	}
}

func TestAConflictNamesBothPatternsAndPlaces(t *testing.T) {
	for _, tt := range []struct{ first, second, why string }{
		{"/a/{x}", "/a/{y}", "they match the same requests"},
		{"h/a", "H/a", "they match the same requests"},
		{"/a/{x}/b/{y}", "/a/{z}/{x}/c", "both match /a/z/b/c, and neither is more specific: each matches paths that the other does not"},
		{"/{x}", "GET /{rest...}", "both match /x, and neither is more specific: the first matches fewer methods, but more paths"},
		{"GET /a/", "/a/b%2F/{$}", "both match /a/b%2F/, and neither is more specific: the first matches more methods, but fewer paths"},
	} {
		mux := new(server.ContextMux)
		mux.Handle(tt.first, func(*server.Context) error { return nil })
		got := fmt.Sprint(caught(func() { mux.Handle(tt.second, func(*server.Context) error { return nil }) }))
		for _, want := range []string{fmt.Sprintf("pattern %q (registered at ", tt.second), fmt.Sprintf(" conflicts with pattern %q (registered at ", tt.first), "): " + tt.why} {
			if !strings.Contains(got, want) {
				t.Errorf("%q after %q: panic %s, want it to have %s", tt.second, tt.first, got, want)
			}
		}
		if strings.Count(got, "contextmux_test.go:") != 2 {
			t.Errorf("%q after %q: panic %s, want the two places of this test", tt.second, tt.first, got)
		}
	}
	if v := caught(func() { new(server.ContextMux).Handle("/", nil) }); v == nil {
		t.Error("Handle takes a handler that is nil")
	}
}

func TestPatternsMayBeAddedWhileTheMuxServes(t *testing.T) {
	mux := new(server.ContextMux)
	mux.Handle("/", func(c *server.Context) error { return nil })
	const added = 50
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for i := range added {
				f, _, s := newExchange(fmt.Sprintf("/%d/a/", i), nil)
				if err := mux.Process(f); err != nil || s.Status() > 201 {
					t.Errorf("while patterns are added: %d, %v", s.Status(), err)
				}
			}
		})
	}
	for i := range added {
		mux.Handle(fmt.Sprintf("/%d/{x}/", i), func(c *server.Context) error { c.SetStatus(201); return nil })
		f, _, s := newExchange(fmt.Sprintf("/%d/a/", i), nil)
		if err := mux.Process(f); err != nil || s.Status() != 201 {
			t.Errorf("the pattern is not seen by a request that comes after Handle: %d, %v", s.Status(), err)
		}
	}
	group.Wait()
}
