package staticfiles

import (
	"net/http"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Field names as they are in http.Header.
const (
	ifMatch           = "If-Match"
	ifNoneMatch       = "If-None-Match"
	ifModifiedSince   = "If-Modified-Since"
	ifUnmodifiedSince = "If-Unmodified-Since"
	ifRange           = "If-Range"
)

// precondition evaluates the request's preconditions in the order of RFC 9110 §13.2.2, for GET and HEAD. It returns 200
// when they hold.
func (rep *representation) precondition(h http.Header) int {
	if lines := present(h[ifMatch]); lines != nil {
		if !listMatches(lines, rep.etag, strong) {
			return http.StatusPreconditionFailed
		}
	} else if date, ok := rep.date(h[ifUnmodifiedSince]); ok && rep.modified.After(date) {
		return http.StatusPreconditionFailed
	}
	if lines := present(h[ifNoneMatch]); lines != nil {
		if listMatches(lines, rep.etag, weak) {
			return http.StatusNotModified
		}
	} else if date, ok := rep.date(h[ifModifiedSince]); ok && !rep.modified.After(date) {
		return http.StatusNotModified
	}
	return http.StatusOK
}

// present returns the lines of a field, or nil when there is nothing in them.
func present(lines []string) []string {
	for _, line := range lines {
		if line != "" {
			return lines
		}
	}
	return nil
}

// date reads a date to compare with. RFC 9110 §13.1.3 and §13.1.4: the field is ignored when it is not a valid date, is
// more than one, or when there is no modification date to compare with.
func (rep *representation) date(lines []string) (time.Time, bool) {
	if len(lines) != 1 || rep.modified.IsZero() {
		return time.Time{}, false
	}
	t, err := http.ParseTime(lines[0])
	return t, err == nil
}

// rangeApplies evaluates If-Range (RFC 9110 §13.1.5). A date must be exactly the file's. Like net/http and nginx, it is taken
// for a strong validator: that a file changes twice in a second and is asked for in between is what entity tags are for.
func (rep *representation) rangeApplies(lines []string) bool {
	lines = present(lines)
	if lines == nil {
		return true
	}
	value := httpcommon.TrimOWS(lines[0])
	if len(lines) > 1 {
		return false
	}
	if tag, rest := cutTag(value); tag != "" {
		return rest == "" && strong(tag, rep.etag)
	}
	date, ok := rep.date(lines)
	return ok && date.Equal(rep.modified)
}

// strong and weak compare entity tags (RFC 9110 §8.8.3.2). Ours are strong; "" matches nothing.
func strong(tag, ours string) bool { return tag == ours && ours != "" }
func weak(tag, ours string) bool   { return strong(strings.TrimPrefix(tag, "W/"), ours) }

// listMatches reports whether "*" or a matching entity tag is in a list that may stretch over several lines. What follows an
// item that is none is not looked at.
func listMatches(lines []string, ours string, equal func(tag, ours string) bool) bool {
	for _, line := range lines {
		for rest := line; ; {
			rest = strings.TrimLeft(rest, ", \t")
			if rest != "" && rest[0] == '*' {
				return true
			}
			tag, after := cutTag(rest)
			if tag == "" {
				break
			}
			if equal(tag, ours) {
				return true
			}
			rest = after
		}
	}
	return false
}

// cutTag cuts the entity tag that s begins with: optional W/, a quote, any of etagc, a quote. "" when there is none.
func cutTag(s string) (tag, rest string) {
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if start >= len(s) || s[start] != '"' {
		return "", ""
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], s[i+1:]
		case c < 0x21 || c == 0x7f:
			return "", ""
		}
	}
	return "", ""
}
