package iisintegration

import (
	"net/url"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// cutPathBase cuts base from the front of a path, ignoring ASCII case, as http.StripPrefix would. It reports false when
// the path is not below base. What is left is at least "/", since handlers expect a path.
//
// The escaped form decides what a segment is: "/sub%2Fa" is one segment and not below "/sub".
func cutPathBase(u *url.URL, base string) (*url.URL, bool) {
	n := len(base)
	if len(u.Path) < n || !httpcommon.EqualFold(u.Path[:n], base) || len(u.Path) > n && u.Path[n] != '/' {
		return nil, false
	}
	raw := ""
	if u.RawPath != "" {
		var ok bool
		if raw, ok = cutEscaped(u.RawPath, n); !ok {
			return nil, false
		}
	}
	out := *u
	out.Path, out.RawPath = u.Path[n:], raw
	if out.Path == "" {
		out.Path, out.RawPath = "/", ""
	}
	return &out, true
}

// cutEscaped cuts as much from the front of raw as n bytes of the decoded path take.
func cutEscaped(raw string, n int) (rest string, ok bool) {
	for range n {
		switch {
		case raw == "":
			return "", false
		case raw[0] != '%':
			raw = raw[1:]
		case len(raw) < 3 || httpcommon.EqualFold(raw[:3], "%2f"):
			return "", false
		default:
			raw = raw[3:]
		}
	}
	return raw, raw == "" || raw[0] == '/'
}
