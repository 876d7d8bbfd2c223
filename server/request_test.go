package server_test

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lannerhq/lanner/server"
)

func TestNewRequestGivesItsValues(t *testing.T) {
	var header server.Headers
	header.Add("Host", "example.org:8080")
	q := server.NewRequest("PUT", "/a/../b%20c?d=%20e", "HTTP/1.1", &header, 4, strings.NewReader("body"))
	body, err := io.ReadAll(q.Body())
	if err != nil {
		t.Fatal(err)
	}
	got := []string{q.Method(), q.RawTarget(), q.Protocol(), q.Scheme(), q.Host(), q.PathBase(), q.Path(), q.RawQuery(), string(body)}
	want := []string{"PUT", "/a/../b%20c?d=%20e", "HTTP/1.1", "http", "example.org:8080", "", "/b c", "d=%20e", "body"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the request is not the one that was given, with path and query as all servers make them (-want +got):\n%s", diff)
	}
	if q.ContentLength() != 4 || q.Header() != &header {
		t.Errorf("ContentLength() = %d, Header() = %v, want 4 and the fields that were given", q.ContentLength(), q.Header())
	}
}

func TestNewRequestWithoutABodyHasAnEmptyOne(t *testing.T) {
	q := server.NewRequest("GET", "/", "HTTP/1.0", new(server.Headers), 0, nil)
	if body, err := io.ReadAll(q.Body()); len(body) > 0 || err != nil {
		t.Errorf("reading the body: %q, %v, want nothing: Body() is never nil", body, err)
	}
	if q.Host() != "" {
		t.Errorf("Host() = %q, want none: the client sent none", q.Host())
	}
}
