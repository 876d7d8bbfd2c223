package httpcommon

// ForbiddenTrailer names fields that must not come after the content: framing, routing and what the engine obeyed
// before (RFC 9110 §6.5.1). They are dropped.
func ForbiddenTrailer(name string) bool {
	for _, f := range [...]string{"Content-Length", "Transfer-Encoding", "Host", "Trailer", "Connection", "Expect",
		"Authorization", "Content-Encoding", "Content-Type", "Content-Range", "Set-Cookie", "Cookie", "TE", "Upgrade"} {
		if EqualFold(name, f) {
			return true
		}
	}
	return false
}

// ParseLength reads the value of a Content-Length: decimal digits and nothing else (RFC 9110 §8.6).
func ParseLength(s string) (int64, bool) {
	if s == "" || len(s) > 19 {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
		if n < 0 {
			return 0, false
		}
	}
	return n, true
}
