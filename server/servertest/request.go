package servertest

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// ask sends the lines of a request without body and returns what the application saw.
func ask(t *testing.T, s suite, lines ...string) request {
	t.Helper()
	got := make(chan request, 1)
	r := s.start(t, func(f *server.Features) error {
		got <- seen(t, f)
		return nil
	})
	c := r.dial()
	c.send(lines...)
	method, _, _ := strings.Cut(lines[0], " ")
	c.want("an answer", method, 200)
	return receive(t, got, "the application is called")
}

var requestChecks = []check{
	{"TheApplicationSeesTheRequestLine", func(t *testing.T, s suite) {
		for _, tt := range []struct{ line, method, path, query, why string }{
			{"GET / HTTP/1.1", "GET", "/", "", "the root"},
			{"DELETE /a/b?x=1&y=%20z HTTP/1.1", "DELETE", "/a/b", "x=1&y=%20z", "the query stays as sent, without the question mark"},
			{"PURGE /a? HTTP/1.1", "PURGE", "/a", "", "a method is any token; a query may be empty"},
			{"GET /a?b?c HTTP/1.1", "GET", "/a", "b?c", "the first question mark begins the query"},
			{"GET /a%20b HTTP/1.1", "GET", "/a b", "", "the path is percent-decoded"},
			{"GET /%C3%A9 HTTP/1.1", "GET", "/é", "", "as UTF-8"},
			{"GET /a%2Fb HTTP/1.1", "GET", "/a%2Fb", "", "except an encoded slash, which is no separator"},
			{"GET /a/./b/../c HTTP/1.1", "GET", "/a/c", "", "dot segments are removed"},
			{"GET /%2e%2e/a HTTP/1.1", "GET", "/a", "", "after decoding, and never above the root"},
			{"GET /a//b/ HTTP/1.1", "GET", "/a//b/", "", "empty segments stay"},
			{"GET http://a/p?q HTTP/1.1", "GET", "/p", "q", "the absolute form has its path"},
			{"OPTIONS * HTTP/1.1", "OPTIONS", "", "", "the asterisk form has none"},
		} {
			got := ask(t, s, tt.line, "Host: a", "")
			if got.method != tt.method || got.path != tt.path || got.query != tt.query {
				t.Errorf("%s: the application saw method %q, path %q, query %q, want %q, %q, %q: %s",
					tt.line, got.method, got.path, got.query, tt.method, tt.path, tt.query, tt.why)
			}
			if target := strings.Fields(tt.line)[1]; got.target != target {
				t.Errorf("%s: RawTarget %q, want exactly what was sent", tt.line, got.target)
			}
			if got.base != "" {
				t.Errorf("%s: PathBase %q, want none: nobody mounted the application", tt.line, got.base)
			}
		}
	}},
	{"TheApplicationSeesHostSchemeAndProtocol", func(t *testing.T, s suite) {
		for _, tt := range []struct{ line, field, host, protocol, why string }{
			{"GET / HTTP/1.1", "Host: example.org:8080", "example.org:8080", "HTTP/1.1", "the host has its port as sent"},
			{"GET / HTTP/1.1", "Host: [::1]", "[::1]", "HTTP/1.1", "an address is a host"},
			{"GET / HTTP/1.0", "Host: a", "a", "HTTP/1.0", "HTTP/1.0 may have a host"},
			{"GET / HTTP/1.0", "X: y", "", "HTTP/1.0", "or none"},
		} {
			got := ask(t, s, tt.line, tt.field, "")
			if got.host != tt.host || got.protocol != tt.protocol || got.scheme != "http" {
				t.Errorf("%s, %s: host %q, protocol %q, scheme %q, want %q, %q, http: %s",
					tt.line, tt.field, got.host, got.protocol, got.scheme, tt.host, tt.protocol, tt.why)
			}
		}
	}},
	{"TheApplicationSeesHeaderFields", func(t *testing.T, s suite) {
		got := ask(t, s, "GET / HTTP/1.1", "Host: a", "X-One: 1", "x-many: first", "X-Many: second", "X-Many:third",
			"X-Space: \t a  b \t", "X-Empty:", "Cookie: a=b; c=d", "User-Agent: t", "")
		h := &got.header
		for _, tt := range []struct{ name, value, why string }{
			{"Host", "a", "Host is a field like any other"},
			{"x-ONE", "1", "names are compared without case"},
			{"X-Space", "a  b", "white space around a value is no part of it, white space inside is"},
			{"Cookie", "a=b; c=d", "a cookie stays as sent"},
			{"User-Agent", "t", "so does any field"},
			{"X-Missing", "", "a field that was not sent is empty"},
		} {
			if v := h.Get(tt.name); v != tt.value {
				t.Errorf("Header().Get(%q) = %q, want %q: %s", tt.name, v, tt.value, tt.why)
			}
		}
		if v := h.Values("X-Many"); !slices.Equal(v, []string{"first", "second", "third"}) {
			t.Errorf("Header().Values(X-Many) = %q, want all in order", v)
		}
		if _, there := h.Lookup("X-Empty"); !there {
			t.Error("a field without a value is missing: it was sent")
		}
		if _, there := h.Lookup("X-Missing"); there {
			t.Error("Lookup finds a field that was not sent")
		}
	}},
	{"TheConnectionFeatureNamesBothEnds", func(t *testing.T, s suite) {
		skipUnless[server.ConnectionFeature](t, s)
		type ends struct {
			id, text      string
			local, remote net.Addr
		}
		got := make(chan ends, 1)
		r := s.start(t, func(f *server.Features) error {
			c := need[server.ConnectionFeature](t, f)
			got <- ends{strings.Clone(c.ConnectionID()), strings.Clone(c.RemoteAddrText()), c.LocalAddr(), c.RemoteAddr()}
			return nil
		})
		exchange := func(c *client) ends {
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("an answer", "GET", 200)
			return receive(t, got, "the application is called")
		}
		c := r.dial()
		first, again, other := exchange(c), exchange(c), exchange(r.dial())
		if client := c.conn.LocalAddr().String(); first.text != client || first.remote == nil || first.remote.String() != client {
			t.Errorf("remote address %q (%v), want the client's end %s", first.text, first.remote, client)
		}
		if first.local == nil || first.local.String() != c.conn.RemoteAddr().String() {
			t.Errorf("local address %v, want the server's end %v", first.local, c.conn.RemoteAddr())
		}
		if first.id == "" || first.id != again.id {
			t.Errorf("ConnectionID is %q, then %q: want one for all requests of a connection", first.id, again.id)
		}
		if first.id == other.id {
			t.Errorf("two connections have the ConnectionID %q: it must be unique in the process", first.id)
		}
	}},
}
