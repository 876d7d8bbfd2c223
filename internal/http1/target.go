package http1

import (
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// target splits and judges the request target (RFC 9112 §3.2): origin-form, absolute-form of http and https,
// authority-form for CONNECT only, asterisk-form for OPTIONS only.
func (q *Request) parseTarget() error {
	t := q.rawTarget
	switch {
	case t[0] == '/':
		return q.originForm(t)
	case t == "*":
		if q.method != "OPTIONS" {
			return errOptionsRequired
		}
		return nil
	case hasSchemePrefix(t):
		return q.absoluteForm(t)
	case q.method == "CONNECT":
		return q.authorityForm(t)
	case httpcommon.ValidHost(t):
		return errConnectRequired
	}
	return badTarget([]byte(t))
}

func (q *Request) originForm(t string) error {
	if q.method == "CONNECT" {
		return badTarget([]byte(t)) // RFC 9112 §3.2.3: CONNECT takes the authority-form only
	}
	path := t
	if i := strings.IndexByte(t, '?'); i >= 0 {
		path, q.query = t[:i], t[i+1:]
	}
	return q.setPath(path)
}

func (q *Request) setPath(raw string) error {
	for i := range len(raw) {
		if raw[i] >= 0x80 {
			return badTarget([]byte(q.rawTarget))
		}
		if raw[i] == '%' && httpcommon.HasEncodedNull(raw[i:]) {
			return badTarget([]byte(q.rawTarget))
		}
	}
	q.path = httpcommon.CleanPath(raw)
	return nil
}

func (q *Request) absoluteForm(t string) error {
	if q.method == "CONNECT" {
		return badTarget([]byte(t))
	}
	rest := t[strings.Index(t, "://")+3:]
	authority, path := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if i := strings.IndexByte(path, '#'); i >= 0 {
		path = path[:i]
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path, q.query = path[:i], path[i+1:]
	}
	if path == "" {
		path = "/"
	}
	q.authority, q.absolute = withoutUserinfo(authority), true
	if q.authority == "" || !httpcommon.ValidHost(q.authority) {
		return badTarget([]byte(t))
	}
	return q.setPath(path)
}

func (q *Request) authorityForm(t string) error {
	if !validAuthority(t) {
		return badTarget([]byte(t))
	}
	q.authority = t
	return nil
}

// hasSchemePrefix reports whether t begins with http:// or https://, in any case.
func hasSchemePrefix(t string) bool {
	return len(t) > 7 && httpcommon.EqualFold(t[:7], "http://") || len(t) > 8 && httpcommon.EqualFold(t[:8], "https://")
}

func withoutUserinfo(authority string) string {
	return authority[strings.LastIndexByte(authority, '@')+1:]
}

// validAuthority is host ":" port with both present (RFC 9112 §3.2.3).
func validAuthority(s string) bool {
	i := strings.LastIndexByte(s, ':')
	return i > 0 && i < len(s)-1 && httpcommon.ValidHost(s)
}

// sameAuthority reports whether a Host value names the same place as the target's authority. The default port of the
// scheme may be left out on either side.
func sameAuthority(host, authority, rawTarget string) bool {
	if httpcommon.EqualFold(host, authority) {
		return true
	}
	port := ":80"
	if len(rawTarget) > 5 && (rawTarget[4] == 's' || rawTarget[4] == 'S') {
		port = ":443"
	}
	trim := func(s string) string { return strings.TrimSuffix(s, port) }
	return httpcommon.EqualFold(trim(host), trim(authority))
}
