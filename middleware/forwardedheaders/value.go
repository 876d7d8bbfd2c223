package forwardedheaders

import (
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// validScheme reports whether s consists of the characters of a scheme (RFC 3986 §3.1). It need not begin with a letter.
func validScheme(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("+-.", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// validHost reports whether s may be a Host: a name or a bracketed IPv6 address of plausible characters, and an optional
// port of digits. It is what http.sys and Kestrel take; numbers are not checked for their range.
func validHost(s string) bool {
	if s == "" || s[0] == ':' {
		return false
	}
	end := len(s)
	if s[0] == '[' {
		end = strings.IndexByte(s, ']') + 1
		if end < len("[::1]") { // the shortest that is an address of somebody
			return false
		}
		if strings.Trim(s[1:end-1], "0123456789abcdefABCDEF:.") != "" {
			return false
		}
		return end == len(s) || validPort(s[end:])
	}
	if colon := strings.IndexByte(s, ':'); colon >= 0 {
		end = colon
	}
	for i := range end {
		if !isAlnum(s[i]) && strings.IndexByte("!$&'()-._~", s[i]) < 0 {
			return false
		}
	}
	return end == len(s) || validPort(s[end:])
}

// validPort takes a colon and at least one digit.
func validPort(s string) bool {
	if len(s) < 2 || s[0] != ':' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// decodePrefix makes a path base of an X-Forwarded-Prefix: escapes that form valid UTF-8 are decoded, %2F stays. Dot
// segments stay as well, which is why it goes segment by segment.
func decodePrefix(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	segments := strings.Split(s, "/")
	for i, segment := range segments {
		segments[i] = httpcommon.CleanPath(segment)
	}
	return strings.Join(segments, "/")
}

// encodePrefix is a path base as it may stand in a header: what is no pchar or slash (RFC 3986 §3.3) is percent-encoded,
// an escape that is there already stays.
func encodePrefix(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case isAlnum(c), strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0, c == '%' && isEscape(s[i:]):
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

func isEscape(s string) bool { return len(s) >= 3 && digitOf(s[1]) < 16 && digitOf(s[2]) < 16 }
