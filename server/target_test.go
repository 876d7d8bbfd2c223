package server_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func TestSplitTargetKnowsTheFourForms(t *testing.T) {
	for _, tt := range []struct{ target, path, query, why string }{
		{"/", "/", "", "origin form"},
		{"/a%20b/../c?x=%20&y?z", "/c", "x=%20&y?z", "the path is cleaned, the query is not"},
		{"/a%2Fb", "/a%2Fb", "", "an encoded slash stays"},
		{"/?", "/", "", "an empty query"},
		{"//host/path", "//host/path", "", "two slashes are a path, not a host"},
		{"http://host", "/", "", "absolute form without a path"},
		{"http://host?q", "/", "q", "but with a query"},
		{"http://host:80/a/./b?q", "/a/b", "q", "absolute form"},
		{"/to?url=http://other/x", "/to", "url=http://other/x", "a URL in a query is a query"},
		{"*", "", "", "asterisk form"},
		{"host:443", "", "", "authority form"},
		{"", "", "", "nothing"},
	} {
		if path, query := server.SplitTarget(tt.target); path != tt.path || query != tt.query {
			t.Errorf("SplitTarget(%q) = %q, %q, want %q, %q: %s", tt.target, path, query, tt.path, tt.query, tt.why)
		}
	}
}

// FuzzSplitTarget checks what routing relies on: a path is empty or begins with a slash, and has no dot segment left.
func FuzzSplitTarget(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b?c", "http://h/%2e%2e/x", "*", "h:1", "/%2F..%2f/./..", "/%C3%A9%C3", "://", "/a/%2E%2E%2F.."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		path, query := server.SplitTarget(target)
		if path != "" && path[0] != '/' {
			t.Fatalf("SplitTarget(%q) has the path %q, which does not begin with a slash", target, path)
		}
		for segment := range strings.SplitSeq(path, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("SplitTarget(%q) leaves a dot segment in %q", target, path)
			}
		}
		if query != "" && !strings.HasSuffix(target, "?"+query) {
			t.Fatalf("SplitTarget(%q) has the query %q, which is not the end of the target", target, query)
		}
	})
}

// FuzzHandlersSeeNetHTTPsURL compares the URL that the bridge makes, by a short cut for plain targets, with net/url's.
func FuzzHandlersSeeNetHTTPsURL(f *testing.F) {
	for _, seed := range []string{"/", "/a?b", "/a?", "//x", "/a%2Fb?c=%20", "http://h/p?q", "*", "/a#b", "/?a?b", "/a b", "/%zz", "/é", "/;x", "A://@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		for i := range len(target) {
			if target[i] <= ' ' || target[i] == 0x7f {
				return // no server lets these through
			}
		}
		want, wantErr := url.ParseRequestURI(target)
		var got *url.URL
		features, _, _ := newExchange(target, nil)
		err := server.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL })).Process(features)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%q: the bridge says %v, net/url %v", target, err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: the handler sees %#v, net/url makes %#v of it", target, *got, *want)
		}
	})
}

func TestATargetThatIsNoURLIsABadRequest(t *testing.T) {
	f, _, _ := newExchange("/%zz", nil)
	err := server.HTTP(http.NotFoundHandler()).Process(f)
	if status := server.ErrorStatus(err); err == nil || status != 400 {
		t.Errorf("Process = %v with status %d, want 400: net/http refuses such a target too", err, status)
	}
	if _, err := http.NewRequest("GET", "/%zz", nil); err == nil {
		t.Error("net/http takes the target after all: this test is out of date")
	}
}
