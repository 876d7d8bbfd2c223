package accesslog

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// What a byte may be written as it is in.
const (
	plainJSON   uint8 = 1 << iota // a JSON string
	plainQuoted                   // a quoted field of CLF
	plainBare                     // a field of CLF that a space ends
	plainW3C                      // a field of W3C
)

// plain holds, for each byte, the places in which it may be written as it is. No byte above 0x7e is plain anywhere.
var plain = func() (t [256]uint8) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = plainJSON | plainQuoted | plainBare | plainW3C
	}
	t[' '] = plainJSON | plainQuoted
	t['"'] = plainW3C
	t['\\'] = plainW3C
	return
}()

const lowerHex, upperHex = "0123456789abcdef", "0123456789ABCDEF"

// appendEscaped appends s. Runs of plain bytes are copied; escape appends what stands for the bytes at the beginning of its
// argument and says how many they are.
func appendEscaped(b []byte, s string, in uint8, escape func(b []byte, s string) ([]byte, int)) []byte {
	for {
		n := plainPrefix(s, in)
		b = append(b, s[:n]...)
		if n == len(s) {
			return b
		}
		s = s[n:]
		b, n = escape(b, s)
		s = s[n:]
	}
}

// plainPrefix returns the number of plain bytes that s begins with. It looks at four at a time, since nearly half of the
// cost of a line is here.
func plainPrefix(s string, in uint8) int {
	i := 0
	for ; i+4 <= len(s); i += 4 {
		p := s[i : i+4]
		if plain[p[0]]&plain[p[1]]&plain[p[2]]&plain[p[3]]&in == 0 {
			break
		}
	}
	for i < len(s) && plain[s[i]]&in != 0 {
		i++
	}
	return i
}

// letter returns what stands for c after a backslash, in JSON and in CLF, or 0.
func letter(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	}
	return 0
}

// escapeJSON writes what RFC 8259 §7 demands as \uXXXX or its short form. So it does with what is not printable: a terminal
// obeys some of it, and some readers of lines end a line at U+0085 or U+2028. A byte that is no UTF-8 becomes U+FFFD, since a
// JSON text is UTF-8 (RFC 8259 §8.1).
func escapeJSON(b []byte, s string) ([]byte, int) {
	if c := letter(s[0]); c != 0 {
		return append(b, '\\', c), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && n == 1:
		return append(b, `\ufffd`...), 1
	case unicode.IsPrint(r):
		return append(b, s[:n]...), n
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		return appendU(appendU(b, high), low), n
	}
	return appendU(b, r), n
}

func appendU(b []byte, r rune) []byte {
	return append(b, '\\', 'u', lowerHex[r>>12&15], lowerHex[r>>8&15], lowerHex[r>>4&15], lowerHex[r&15])
}

// escapeCLF is Apache's rule (mod_log_config, since 2.0.46): a backslash before a quote and a backslash, white space in C's
// notation, all other bytes that are not printable ASCII as \xhh. A space comes here only where it would end the field.
func escapeCLF(b []byte, s string) ([]byte, int) {
	c := s[0]
	if l := letter(c); l != 0 {
		return append(b, '\\', l), 1
	}
	if c == '\v' {
		return append(b, `\v`...), 1
	}
	return append(b, '\\', 'x', lowerHex[c>>4], lowerHex[c&15]), 1
}

// escapeW3C writes a space as a plus sign, which is IIS's rule, and percent-encodes what is not printable ASCII (RFC 3986
// §2.1), where http.sys would lose it by writing a plus sign too. It does the whole of s: a User-Agent has a space every few
// bytes.
func escapeW3C(b []byte, s string) ([]byte, int) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b = append(b, '+')
		case plain[c]&plainW3C != 0:
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b, len(s)
}
