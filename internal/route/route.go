// Package route decides which application a request belongs to: by host name, then by the longest path prefix. The host
// and its workers use the same code, so that they cannot disagree.
package route

import (
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// MatchHost reports whether host, without its port, matches pattern: "" or "*" is any host, "*.name" every name below
// name, anything else that name. Case is ignored.
func MatchHost(pattern, host string) bool {
	switch {
	case pattern == "" || pattern == "*":
		return true
	case strings.HasPrefix(pattern, "*."):
		suffix := pattern[1:]
		return len(host) > len(suffix) && httpcommon.EqualFold(host[len(host)-len(suffix):], suffix)
	}
	return httpcommon.EqualFold(pattern, host)
}

// Specificity orders patterns that match the same host: an exact name before a wildcard, a longer wildcard before a
// shorter one, any host last.
func Specificity(pattern string) int {
	switch {
	case pattern == "" || pattern == "*":
		return 0
	case strings.HasPrefix(pattern, "*."):
		return len(pattern)
	}
	return 1 << 16
}

// Hostname cuts the port, and the brackets of an IPv6 address, from a Host value. A dot at the end, which makes a name
// absolute, is cut too.
func Hostname(host string) string {
	if strings.HasPrefix(host, "[") {
		if i := strings.IndexByte(host, ']'); i > 0 {
			return host[1:i]
		}
		return host
	}
	if i := strings.IndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return strings.TrimSuffix(host, ".")
}

// Under reports whether path is prefix or continues it with a slash, ignoring ASCII case. The prefix "/" or "" holds
// every path.
func Under(path, prefix string) bool {
	if prefix == "/" || prefix == "" {
		return true
	}
	return len(path) >= len(prefix) && httpcommon.EqualFold(path[:len(prefix)], prefix) &&
		(len(path) == len(prefix) || path[len(prefix)] == '/')
}
