package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// bothMuxes is the same patterns in a ServeMux and in a ContextMux.
type bothMuxes struct {
	theirs http.ServeMux
	ours   server.ContextMux
	called func(value func(name string) string)
}

// add registers pattern in both. It fails the test when one of them refuses it and the other does not.
func (b *bothMuxes) add(t *testing.T, pattern string) {
	t.Helper()
	theirs := caught(func() {
		b.theirs.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) { b.called(r.PathValue) })
	})
	ours := caught(func() {
		b.ours.Handle(pattern, func(c *server.Context) error { b.called(c.PathValue); return nil })
	})
	if (theirs == nil) != (ours == nil) {
		t.Fatalf("Handle(%q): ServeMux says %v, ContextMux %v", pattern, theirs, ours)
	}
}

func caught(fn func()) (v any) {
	defer func() { v = recover() }()
	fn()
	return nil
}

// answer is what both make of a request.
type answer struct {
	status          int
	pattern         string
	allow, location string
	values          string
}

var wildcardNames = []string{"x", "y", "z", "nothing"}

func (a *answer) note(value func(string) string) {
	for _, name := range wildcardNames {
		a.values += fmt.Sprintf("%s=%q ", name, value(name))
	}
}

func (b *bothMuxes) askTheirs(t *testing.T, method, host, target string) (a answer) {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatalf("the test asks for %q, which is no target: %v", target, err)
	}
	r := &http.Request{Method: method, Host: host, URL: u, RequestURI: target, ProtoMajor: 1, ProtoMinor: 1}
	b.called = a.note
	w := httptest.NewRecorder()
	b.theirs.ServeHTTP(w, r)
	a.status, a.pattern = w.Code, r.Pattern
	a.allow, a.location = w.Header().Get("Allow"), w.Header().Get("Location")
	return a
}

func (b *bothMuxes) askOurs(t *testing.T, method, host, target string) (a answer) {
	f, q, s := newExchange(target, nil)
	q.method, q.host = method, host
	b.called = a.note
	if err := b.ours.Process(f); err != nil {
		t.Fatalf("%s %s%s: %v", method, host, target, err)
	}
	a.status = s.Status()
	a.allow, a.location = s.Header().Get("Allow"), s.Header().Get("Location")
	if route, ok := server.Get[server.RouteFeature](f); ok {
		a.pattern = route.Route()
	}
	return a
}

// compare asks both. A target whose dot segments the two remove in different ways (RFC 3986 §5.2.4 or path.Clean) is
// redirected by both, if not to the same place.
func (b *bothMuxes) compare(t *testing.T, patterns []string, method, host, target string) {
	t.Helper()
	theirs, ours := b.askTheirs(t, method, host, target), b.askOurs(t, method, host, target)
	path, _, _ := strings.Cut(target, "?")
	segments := strings.Split(path[1:], "/")
	if last := segments[len(segments)-1]; last == "." || last == ".." ||
		strings.Contains(path, "//") && (slices.Contains(segments, ".") || slices.Contains(segments, "..")) {
		theirs, ours = answer{status: theirs.status}, answer{status: ours.status}
	}
	theirs.location = strings.ReplaceAll(theirs.location, "%25", "%") // ServeMux encodes twice what it has cleaned
	if ours != theirs {
		t.Errorf("%s %s%s with patterns %q:\nServeMux   %+v\nContextMux %+v", method, host, target, patterns, theirs, ours)
	}
}

var sameTests = []struct {
	patterns []string
	requests string // METHOD HOST TARGET, separated by semicolons
}{
	{[]string{"/"}, "GET h /;GET h /a;POST h /a/b/;GET h /a?q=1;HEAD h //a//b//?q"},
	{[]string{"GET /users/{x}", "GET /users/me", "POST /users/{x}"},
		"GET h /users/7;GET h /users/me;HEAD h /users/me;POST h /users/me;PUT h /users/me;GET h /users/;GET h /users;GET h /users/7/"},
	{[]string{"GET /static/{x...}", "/exact/{$}", "/tree/", "/tree/leaf"},
		"GET h /static/a/b.css;GET h /static/;GET h /static;POST h /static;GET h /exact/;GET h /exact;GET h /exact/a;GET h /tree;GET h /tree?q=1;GET h /tree/leaf;GET h /tree/leaf/;DELETE h /tree/a"},
	{[]string{"/{x}/{y}/{z...}", "/a/{y}/", "/a/b/c"}, "GET h /1/2/3/4;GET h /1/2/;GET h /1/2;GET h /a/2/3;GET h /a/b/c;GET h /a/b/d;GET h /a/b"},
	{[]string{"h/", "h/a", "GET h/b", "/b", "/c"}, "GET h /a;GET h:80 /a;GET g /a;GET g /;POST h /b;GET h /b;GET g /b;GET h /c;GET [::1]:80 /c;GET a:b:c /c;GET h: /a"},
	{[]string{"GET /a/{x}", "POST /a/b"}, "GET h /a/b;POST h /a/b;POST h /a/c;PATCH h /a/b"},
	{[]string{"HEAD /a", "GET /a", "/a/"}, "HEAD h /a;GET h /a;POST h /a;PUT h /a/"},
	{[]string{"GET /a", "/{x}"}, "GET h /a;HEAD h /a;POST h /a;GET h /b;GET h /"},
	{[]string{"/a/{x}/b/{y}", "/a/{x}/{y}/c"}, "GET h /a/1/b/2;GET h /a/1/2/c"},
	{[]string{"GET /a/{$}", "POST /a"}, "GET h /a;POST h /a;HEAD h /a;PUT h /a;POST h /a/"},
	{[]string{"/a/../b", "/a//b", "/c/./", "GET /a//b"}, "GET h /a/../b;GET h /a//b;GET h /c/./;GET h /b;GET h /x/../../b/c"},
	{[]string{"/!()*'", "/{x}/"}, "GET h /!()*';GET h /!;GET h /a|b;GET h /~a,b;GET h /a=b&c/"},
	{[]string{"/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10/{x}", "/{y}"}, "GET h /1;GET h /9;GET h /10;GET h /10/11;GET h /12;GET h /10/"},
}

func TestContextMuxAnswersAsServeMuxDoes(t *testing.T) {
	for _, tt := range sameTests {
		b := new(bothMuxes)
		for _, p := range tt.patterns {
			b.add(t, p)
		}
		for request := range strings.SplitSeq(tt.requests, ";") {
			parts := strings.SplitN(request, " ", 3)
			b.compare(t, tt.patterns, parts[0], parts[1], parts[2])
		}
	}
}

func TestContextMuxTakesThePatternsThatServeMuxTakes(t *testing.T) {
	for _, p := range []string{
		"", "/", "a", "GET", "GET ", "GET /", "GET  \t/", " /", "G(T /", "get /", "GET a", "{x}/", "h{x}/", "h/", "GET h/{x}",
		"/{", "/{x", "/x}", "/{x}y", "/y{x}", "/{}", "/{...}", "/{x...}", "/{x...}/", "/{$}", "/{$}/", "/{$...}", "/{1}", "/{x-y}",
		"/{_}", "/{type}", "/{é1}", "/{x}/{x}", "/{x}/{x...}", "/x/{x}", "/{x}/x", "GET //", "GET /a/../b", "GET /a/./", "GET /a//", "//", "CONNECT /a//b",
		"GET /a b", "/a b", "h:80/", "[::1]/", "/a?b", "/a#b",
	} {
		new(bothMuxes).add(t, p)
	}
}

// madePattern and madeTarget make a pattern and a request from numbers, so that most of them match and conflict.
func madePattern(n func(int) int) string {
	methods := []string{"", "", "GET ", "HEAD ", "POST "}
	hosts := []string{"", "", "", "h", "g.example"}
	segments := []string{"a", "b", "a", "b", "{x}", "{y}", "{x}", "."}
	ends := []string{"", "/", "/{z...}", "/{$}", "/a"}
	out := methods[n(len(methods))] + hosts[n(len(hosts))]
	for range n(4) {
		out += "/" + segments[n(len(segments))]
	}
	return out + ends[n(len(ends))]
}

func madeRequest(n func(int) int) (method, host, target string) {
	methods := []string{"GET", "HEAD", "POST", "PUT"}
	hosts := []string{"h", "h:8080", "g.example", "other", ""}
	segments := []string{"a", "b", "a", "b", "c", "", ".", ".."}
	for range 1 + n(4) {
		target += "/" + segments[n(len(segments)-3+3*n(2))]
	}
	return methods[n(len(methods))], hosts[n(len(hosts))], target + []string{"", "", "/", "?q=1"}[n(4)]
}

func compareMade(t *testing.T, n func(int) int) {
	b := new(bothMuxes)
	var patterns []string
	for range 1 + n(8) {
		patterns = append(patterns, madePattern(n))
		b.add(t, patterns[len(patterns)-1])
	}
	for range 8 {
		method, host, target := madeRequest(n)
		b.compare(t, patterns, method, host, target)
	}
}

func TestContextMuxAnswersRandomRequestsAsServeMuxDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		compareMade(t, random.IntN)
		if t.Failed() {
			return
		}
	}
}

// FuzzContextMux lets the input choose patterns and requests.
func FuzzContextMux(f *testing.F) {
	f.Add([]byte("0123456789"))
	f.Add([]byte("\x04\x02\x00\x03\x04\x01\x02\x03\x00\x01\x02\x03\x04\x05\x06\x07"))
	f.Fuzz(func(t *testing.T, input []byte) {
		compareMade(t, func(n int) int {
			if len(input) == 0 {
				return 0
			}
			v := int(input[0]) % n
			input = input[1:]
			return v
		})
	})
}

// FuzzContextMuxText takes a pattern and a target as text. Left out are escapes, in which the two differ, and empty segments
// in a pattern, which ServeMux takes for wildcards when no method is given: it sends /0 to /0/ because of "//".
func FuzzContextMuxText(f *testing.F) {
	f.Add("GET /users/{x}", "/users/7")
	f.Add("h/a/{x}/{z...}", "/a//b/../c")
	f.Add("/{$}", "/")
	f.Fuzz(func(t *testing.T, pattern, target string) {
		_, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") || strings.ContainsAny(target+pattern, "%#") {
			t.Skip()
		}
		host, _, _ := strings.Cut(pattern, "/")
		host = host[strings.LastIndexAny(host, " \t")+1:]
		if strings.ToLower(host) != host || strings.ToValidUTF8(pattern, "") != pattern || strings.HasSuffix(target, "?") || strings.Contains(pattern, "//") {
			t.Skip()
		}
		b := new(bothMuxes)
		b.add(t, pattern)
		b.compare(t, []string{pattern}, "GET", "h", target)
	})
}
