package server_test

import (
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func TestRebaseMovesTheBaseFromThePath(t *testing.T) {
	for _, tt := range []struct {
		target, base   string
		under          bool
		pathBase, path string
		url            string
		why            string
	}{
		{"/app/page?q", "/app", true, "/app", "/page", "/page", "the application sees its own paths"},
		{"/app", "/app", true, "/app", "", "/", "the base alone: an ordinary handler sees a slash"},
		{"/app/", "/app", true, "/app", "/", "/", "the base with a slash"},
		{"/APP/page", "/app", true, "/APP", "/page", "/page", "case does not count, and stays as sent"},
		{"/apple", "/app", false, "", "/apple", "/apple", "a base ends at a slash"},
		{"/other", "/app", false, "", "/other", "/other", "another path"},
		{"/app/a%2Fb", "/app", true, "/app", "/a%2Fb", "/a/b", "an ordinary handler sees net/http's path"},
		{"/page", "", true, "", "/page", "/page", "no base at all"},
	} {
		f, q, _ := newExchange(tt.target, nil)
		if got := server.Rebase(f, tt.base); got != tt.under {
			t.Errorf("Rebase(%q, %q) = %v, want %v: %s", tt.target, tt.base, got, tt.under, tt.why)
		}
		now, _ := server.Get[server.RequestFeature](f)
		if now.PathBase() != tt.pathBase || now.Path() != tt.path || now.RawTarget() != tt.target {
			t.Errorf("%q under %q: path base %q, path %q, target %q, want %q, %q and what was sent: %s",
				tt.target, tt.base, now.PathBase(), now.Path(), now.RawTarget(), tt.pathBase, tt.path, tt.why)
		}
		handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != tt.url || r.RequestURI != tt.target {
				t.Errorf("%q under %q: the handler sees %q of %q, want %q: %s", tt.target, tt.base, r.URL.Path, r.RequestURI, tt.url, tt.why)
			}
		})
		if !q.retained {
			t.Errorf("%q under %q: the request below was not told that a handler may keep its strings", tt.target, tt.base)
		}
	}
}

func TestRebaseTwiceAddsUp(t *testing.T) {
	f, _, _ := newExchange("/outer/inner/page", nil)
	if !server.Rebase(f, "/outer") || !server.Rebase(f, "/inner") {
		t.Error("the second base is not found behind the first")
	}
	if q, _ := server.Get[server.RequestFeature](f); q.PathBase() != "/outer/inner" || q.Path() != "/page" {
		t.Errorf("path base %q, path %q, want /outer/inner and /page", q.PathBase(), q.Path())
	}
	if server.Rebase(new(server.Features), "/x") {
		t.Error("Rebase succeeds without a request")
	}
}
