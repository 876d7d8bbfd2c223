package server

import (
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// slashMark stands for an encoded slash in a path that markSlashes returns. No UTF-8 text has this byte.
const slashMark = 0xff

// markSlashes returns path, the request's, with each encoded slash as one slashMark. RequestFeature.Path leaves %2F as it
// was sent; since it decodes %252F to the same text, the target as sent has to tell the two apart. It reports false, and
// returns path as it is, when there is none, and when path is not what the target says, since a middleware replaced it.
func markSlashes(req RequestFeature, path string) (string, bool) {
	if !hasEncodedSlash(path) {
		return path, false
	}
	raw := rawPath(req)
	if strings.IndexByte(raw, slashMark) >= 0 || strings.IndexByte(path, slashMark) >= 0 {
		return path, false
	}
	if !strings.Contains(raw, "%25") {
		return replaceSlashes(path), true
	}
	return sameEnd(httpcommon.CleanPath(replaceSlashes(raw)), path)
}

// sameEnd returns the end of marked that is path but for the encoding of slashes.
func sameEnd(marked, path string) (string, bool) {
	at, n := len(marked), len(path)
	for n > 0 {
		if at--; at < 0 {
			return path, false
		}
		switch {
		case marked[at] == slashMark && n >= 3 && encodedSlash(path[n-3:]):
			n -= 3
		case marked[at] == path[n-1]:
			n--
		default:
			return path, false
		}
	}
	return marked[at:], true
}

func hasEncodedSlash(s string) bool { return strings.Contains(s, "%2F") || strings.Contains(s, "%2f") }

func encodedSlash(s string) bool { return s[0] == '%' && s[1] == '2' && (s[2] == 'F' || s[2] == 'f') }

// replaceSlashes puts a slashMark in the place of each %2F.
func replaceSlashes(s string) string {
	const mark = "\xff"
	return strings.ReplaceAll(strings.ReplaceAll(s, "%2F", mark), "%2f", mark)
}

// rawPath is the path of the request target as it was sent, with the path base.
func rawPath(req RequestFeature) string {
	raw := req.RawTarget()
	if query := req.RawQuery(); query != "" && len(raw) > len(query) {
		raw = raw[:len(raw)-len(query)-1]
	} else {
		raw, _, _ = strings.Cut(raw, "?")
	}
	if strings.HasPrefix(raw, "/") {
		return raw
	}
	_, rest, _ := strings.Cut(raw, "://") // the absolute form
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return "/"
	}
	return rest[slash:]
}

// hadDotSegments reports whether the target was sent with segments that the server has removed from the path.
func hadDotSegments(req RequestFeature) bool {
	whole := len(req.PathBase()) + len(req.Path())
	if len(req.RawTarget()) == whole {
		return false // nothing was removed or decoded, and there is no query
	}
	raw := rawPath(req)
	if len(raw) == whole {
		return false
	}
	for rest, more := raw, true; more; {
		var text string
		if text, rest, more = strings.Cut(rest, "/"); text == "." || text == ".." {
			return true
		}
	}
	return false
}

// withoutEmptySegments makes one slash of each run of slashes.
func withoutEmptySegments(path string) string {
	b := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			b = append(b, path[i])
		}
	}
	return string(b)
}

// encodePath encodes a path for a Location field, with the bytes that net/url leaves alone.
func encodePath(path string, marked bool) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(path)+16)
	for i := range len(path) {
		switch c := path[i]; {
		case c == slashMark && marked:
			b = append(b, "%2F"...)
		case plainPathBytes[c]:
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// pathSegment returns the segment of path at that place, or all that follows from there.
func pathSegment(path string, index int, rest bool) string {
	for range index + 1 {
		i := strings.IndexByte(path, '/')
		path = path[i+1:]
	}
	if i := strings.IndexByte(path, '/'); i >= 0 && !rest {
		path = path[:i]
	}
	return path
}
