package httpsredirection

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/middleware/forwardedheaders"
)

// location is the URL of the request by https at the host with that name, which hostName has passed.
func location(r *http.Request, name string, port int) string {
	b := make([]byte, 0, len("https://")+len(name)+len(":65535")+len(r.RequestURI))
	b = append(b, "https://"...)
	b = append(b, name...)
	if port != 443 {
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(port), 10)
	}
	return string(appendEscaped(b, publicTarget(r)))
}

// publicTarget is path and query as the client sees them. They are the target as it was sent, whatever has been cut from
// r.URL by now. Only where there is a path base are they put together anew, because a proxy may have cut it from the target.
func publicTarget(r *http.Request) string {
	target := originForm(targetOf(r))
	base := forwardedheaders.PathBase(r)
	path, _, _ := strings.Cut(target, "?")
	if base == "" || path == base || !strings.HasPrefix(path, "/") {
		return target
	}
	path = (&url.URL{Path: base}).EscapedPath() + r.URL.EscapedPath()
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		path += "?" + r.URL.RawQuery
	}
	return path
}

// targetOf is the request target; a request that no server has read has none.
func targetOf(r *http.Request) string {
	if r.RequestURI != "" {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// originForm is path and query of a request target in any of its forms (RFC 9112 §3.2). It is empty for the asterisk form,
// which is how the same request for a URL without a path is sent (§3.2.4), and for CONNECT's authority form.
func originForm(target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	scheme, rest, absolute := strings.Cut(target, "://")
	if !absolute || strings.ContainsAny(scheme, "/?") {
		return ""
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		return rest[i:]
	}
	return ""
}

// appendEscaped appends a target. Bytes that cannot stand in a URL are escaped: servers take more than RFC 3986 allows, and
// a browser would read a backslash as a slash, # as the end, and a line break as nothing.
func appendEscaped(b []byte, target string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// hostName is the host without its port. It reports false for none and for what is no host: nothing of that may get into a
// URL, where it could become user information, a path or another host.
func hostName(host string) (string, bool) {
	if host == "" || !httpcommon.ValidHost(host) {
		return "", false
	}
	if end := strings.IndexByte(host, ']'); end >= 0 {
		return host[:end+1], true
	}
	name, _, _ := strings.Cut(host, ":")
	return name, true
}

// plainPath reports whether a path means the same to every router: no escapes, backslashes, empty or dot segments.
func plainPath(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, `%\`) || strings.Contains(path, "//") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}
