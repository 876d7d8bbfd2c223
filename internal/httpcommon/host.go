package httpcommon

// ValidHost judges a Host value: host [":" port]. A port is digits, without a range check; an IPv6 address stands in
// brackets (RFC 3986 §3.2.2).
func ValidHost(s string) bool {
	if s == "" {
		return true
	}
	end := 0
	if s[0] == '[' {
		for end = 1; end < len(s) && (IsHexByte(s[end]) || s[end] == ':' || s[end] == '.'); end++ {
		}
		if end < 4 || end >= len(s) || s[end] != ']' {
			return false
		}
		end++
	} else {
		for end < len(s) && IsHostByte(s[end]) {
			end++
		}
		if end == 0 {
			return false
		}
	}
	return end == len(s) || s[end] == ':' && allDigits(s[end+1:])
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
