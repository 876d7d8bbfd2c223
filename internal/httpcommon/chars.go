package httpcommon

// Character classes of RFC 9110 §5.6.2 (tokens) and RFC 3986 §3.2.2 (host names), as one table of bits.
const (
	classToken  = 1 << iota // tchar
	classHost               // what a registered name may consist of, as Kestrel and http.sys take it
	classHex                // HEXDIG
	classValue              // field-vchar, SP and HTAB; obs-text is above 0x7F and included
	classTarget             // what may stand in a request target: no control, no space
)

var classes = func() (t [256]uint8) {
	mark := func(class uint8, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= class
		}
	}
	const alnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	mark(classToken, alnum+"!#$%&'*+-.^_`|~")
	mark(classHost, alnum+"!$&'()-._~")
	mark(classHex, "0123456789abcdefABCDEF")
	for c := 0x20; c < 0x100; c++ {
		if c != 0x7f {
			t[c] |= classValue
		}
		if c != 0x20 && c != 0x7f {
			t[c] |= classTarget
		}
	}
	t['\t'] |= classValue
	return t
}()

// IsToken reports whether s is a token: one or more tchar (RFC 9110 §5.6.2).
func IsToken(s string) bool {
	for i := range len(s) {
		if classes[s[i]]&classToken == 0 {
			return false
		}
	}
	return s != ""
}

// IsTokenByte reports whether c is a tchar.
func IsTokenByte(c byte) bool { return classes[c]&classToken != 0 }

// IsFieldValue reports whether s may be sent as a field value: no control characters except HTAB (RFC 9110 §5.5).
// Bytes above 0x7F (obs-text) are allowed.
func IsFieldValue(s string) bool {
	for i := range len(s) {
		if classes[s[i]]&classValue == 0 {
			return false
		}
	}
	return true
}

// EqualFold reports whether a and b are equal when ASCII letters are compared without case.
// Field names and most field values are ASCII, so Unicode folding would be both slower and wrong.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if lower(x) != lower(y) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// HasToken reports whether the comma-separated list contains the token, ignoring case and optional white space
// (RFC 9110 §5.6.1).
func HasToken(list, token string) bool {
	for len(list) > 0 {
		item := list
		if i := indexByte(list, ','); i >= 0 {
			item, list = list[:i], list[i+1:]
		} else {
			list = ""
		}
		if EqualFold(TrimOWS(item), token) {
			return true
		}
	}
	return false
}

// TrimOWS cuts optional white space (SP and HTAB) from both ends.
func TrimOWS(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// IsHostByte reports whether c may stand in a registered name, as Kestrel and http.sys take it.
func IsHostByte(c byte) bool { return classes[c]&classHost != 0 }

// IsHexByte reports whether c is a hexadecimal digit.
func IsHexByte(c byte) bool { return classes[c]&classHex != 0 }

// HexValue returns the value of a hexadecimal digit, -1 for any other byte.
func HexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
