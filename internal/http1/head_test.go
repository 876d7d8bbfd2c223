package http1

import (
	"fmt"
	"strings"
	"testing"
)

// answers plays one request line and further head lines and returns the status of the answer.
func answers(t *testing.T, compat Compat, limits Limits, input string) string {
	t.Helper()
	cfg := &Config{Scheme: "http", Compat: compat, Limits: limits.Effective()}
	out, _ := play(cfg, [][]byte{[]byte(input)}, noop)
	if len(out) < 12 {
		return out
	}
	return out[9:12]
}

func TestTheLimitsOfAHeadAreExact(t *testing.T) {
	for _, tt := range []struct {
		name, input, want string
		limits            Limits
	}{
		{"a request line as long as allowed", "GET /" + strings.Repeat("a", 20-16) + " HTTP/1.1\r\nHost: a\r\n\r\n", "200", Limits{MaxRequestLineSize: 20}},
		{"one byte more", "GET /" + strings.Repeat("a", 21-16) + " HTTP/1.1\r\nHost: a\r\n\r\n", "414", Limits{MaxRequestLineSize: 20}},
		{"a long line without an end", "GET /" + strings.Repeat("a", 16), "414", Limits{MaxRequestLineSize: 20}},
		{"fields as large as allowed", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", "200", Limits{MaxRequestHeadersTotalSize: 15}},
		{"one byte more", "GET / HTTP/1.1\r\nHost: a\r\nA: bc\r\n\r\n", "431", Limits{MaxRequestHeadersTotalSize: 15}},
		{"a field without an end", "GET / HTTP/1.1\r\nHost: a\r\nA: bc", "431", Limits{MaxRequestHeadersTotalSize: 14}},
		{"as many fields as allowed", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", "200", Limits{MaxRequestHeaderCount: 2}},
		{"one field more", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nA: b\r\n\r\n", "431", Limits{MaxRequestHeaderCount: 2}},
		{"no limits", "GET /" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: b\r\n", 1000) + "\r\n", "200",
			Limits{MaxRequestLineSize: -1, MaxRequestHeadersTotalSize: -1, MaxRequestHeaderCount: -1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := answers(t, Compat{}, tt.limits, tt.input); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLineEndsAreStrictUnlessToldOtherwise(t *testing.T) {
	for _, tt := range []struct{ input, strict, loose, why string }{
		{"GET / HTTP/1.1\nHost: a\n\n", "400", "200", "bare LF everywhere"},
		{"GET / HTTP/1.1\r\nHost: a\n\r\n", "400", "200", "bare LF after a field"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\n", "400", "200", "bare LF at the end"},
		{"GET / HTTP/1.1\rHost: a\r\n\r\n", "400", "400", "a bare CR is never a line end"},
		{"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "400", "400", "nor part of a value"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n", "400", "400", "nor the begin of a field"},
		{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400", "400", "two spaces before the target"},
		{"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "400", "200", "two spaces before the version"},
		{"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400", "400", "a space after the version"},
	} {
		if got := answers(t, Compat{}, Limits{}, tt.input); got != tt.strict {
			t.Errorf("%s: got %s, want %s", tt.why, got, tt.strict)
		}
		if got := answers(t, Compat{LooseLineEndings: true, LooseRequestLineSpaces: true}, Limits{}, tt.input); got != tt.loose {
			t.Errorf("%s, loose: got %s, want %s", tt.why, got, tt.loose)
		}
	}
}

func TestTheTargetHasFourForms(t *testing.T) {
	type parts struct{ path, query, host string }
	for _, tt := range []struct {
		line, host string
		want       parts
		status     string
	}{
		{"GET /a%20b/../c?d=%20 HTTP/1.1", "h", parts{"/c", "d=%20", "h"}, ""},
		{"GET http://h:80/x?y HTTP/1.1", "h", parts{"/x", "y", "h"}, ""},
		{"GET HTTP://user@H HTTP/1.1", "h", parts{"/", "", "h"}, ""},
		{"GET https://h:443/x#f HTTP/1.1", "h", parts{"/x", "", "h"}, ""},
		{"GET https://h/x HTTP/1.1", "h:80", parts{}, "400"},
		{"GET http://other/ HTTP/1.1", "h", parts{}, "400"},
		{"GET ftp://h/ HTTP/1.1", "h", parts{}, "400"},
		{"OPTIONS * HTTP/1.1", "h", parts{"", "", "h"}, ""},
		{"GET * HTTP/1.1", "h", parts{}, "405"},
		{"CONNECT h:443 HTTP/1.1", "h:443", parts{"", "", "h:443"}, ""},
		{"CONNECT h HTTP/1.1", "h", parts{}, "400"},
		{"CONNECT /x HTTP/1.1", "h", parts{}, "400"},
		{"GET h:443 HTTP/1.1", "h", parts{}, "405"},
		{"GET /%00 HTTP/1.1", "h", parts{}, "400"},
		{"GET /\xff HTTP/1.1", "h", parts{}, "400"},
	} {
		var got parts
		cfg := &Config{Scheme: "http", Limits: Limits{}.Effective()}
		out, _ := play(cfg, [][]byte{[]byte(tt.line + "\r\nHost: " + tt.host + "\r\n\r\n")}, func(c *Conn) error {
			got = parts{strings.Clone(c.req.Path()), strings.Clone(c.req.RawQuery()), strings.Clone(c.req.Host())}
			return nil
		})
		if status := out[9:12]; tt.status == "" && status != "200" || tt.status != "" && status != tt.status || got != tt.want {
			t.Errorf("%s with Host %s: %s, %+v, want %+v or status %s", tt.line, tt.host, status, got, tt.want, tt.status)
		}
	}
}

func TestRejectionsQuoteNoSecret(t *testing.T) {
	_, bad := play(&Config{Limits: Limits{}.Effective()}, [][]byte{[]byte("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer s3cr\x00et\r\n\r\n")}, noop)
	if text := fmt.Sprint(bad); strings.Contains(text, "s3cr") {
		t.Errorf("the detail %s holds the value of a field, which may be a secret", text)
	}
	err := badHeaderValue([]byte("Authorization: s3cret"))
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v holds the value of a field", err)
	}
}
