package httpcommon

import "strings"

// CleanPath turns the path of a request target into the path that routing sees (Kestrel's rules): percent-escapes that
// form valid UTF-8 are decoded except %2F, escapes that do not stay as they are, then dot segments are removed, never
// above the root. A path that needs neither is returned as it is, without allocating.
func CleanPath(raw string) string {
	escaped := strings.IndexByte(raw, '%') >= 0
	if !escaped && !strings.Contains(raw, "/.") {
		return raw
	}
	b := []byte(raw)
	if escaped {
		b = decodePath(b)
	}
	return string(removeDotSegments(b))
}

// HasEncodedNull reports whether a path holds %00 (or a raw NUL), which no file system or handler expects.
func HasEncodedNull(raw string) bool {
	return strings.Contains(raw, "%00") || strings.IndexByte(raw, 0) >= 0
}

// decodePath decodes in place. One escape or a run of escapes that is valid UTF-8 is replaced; anything else is kept.
func decodePath(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); {
		if b[i] != '%' {
			out = append(out, b[i])
			i++
			continue
		}
		n, used, size := decodeRune(b[i:])
		if used == 0 {
			out = append(out, b[i])
			i++
			continue
		}
		out = append(out, n[:size]...)
		i += used
	}
	return out
}

// decodeRune decodes the escapes of one UTF-8 sequence at the start of b: its bytes, how many bytes of b they took, and
// how many there are. used is 0 when there is no valid sequence, or when it is %2F, which stays.
func decodeRune(b []byte) (seq [4]byte, used, size int) {
	c, ok := unescape(b)
	if !ok || c == '/' {
		return seq, 0, 0
	}
	need := sequenceLength(c)
	if need == 0 {
		return seq, 0, 0
	}
	seq[0] = c
	for k := 1; k < need; k++ {
		c, ok := unescape(b[3*k:])
		if !ok {
			return seq, 0, 0
		}
		seq[k] = c
	}
	if need > 1 && !validSequence(seq[:need]) {
		return seq, 0, 0
	}
	return seq, 3 * need, need
}

func unescape(b []byte) (byte, bool) {
	if len(b) < 3 || b[0] != '%' {
		return 0, false
	}
	hi, lo := HexValue(b[1]), HexValue(b[2])
	if hi < 0 || lo < 0 {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}

// sequenceLength is the length of the UTF-8 sequence that begins with c, 0 for a byte that begins none.
func sequenceLength(c byte) int {
	switch {
	case c < 0x80:
		return 1
	case c >= 0xc2 && c < 0xe0:
		return 2
	case c >= 0xe0 && c < 0xf0:
		return 3
	case c >= 0xf0 && c < 0xf5:
		return 4
	}
	return 0
}

func validSequence(seq []byte) bool {
	for _, c := range seq[1:] {
		if c&0xc0 != 0x80 {
			return false
		}
	}
	switch {
	case seq[0] == 0xe0:
		return seq[1] >= 0xa0
	case seq[0] == 0xed:
		return seq[1] < 0xa0 // no surrogates
	case seq[0] == 0xf0:
		return seq[1] >= 0x90
	case seq[0] == 0xf4:
		return seq[1] < 0x90
	}
	return true
}

// removeDotSegments removes "." and ".." segments in place (RFC 3986 §5.2.4). Empty segments are kept.
func removeDotSegments(b []byte) []byte {
	if len(b) == 0 || b[0] != '/' {
		return b
	}
	out := b[:0]
	for i := 0; i < len(b); {
		end := i + 1
		for end < len(b) && b[end] != '/' {
			end++
		}
		switch segment := string(b[i+1 : end]); segment {
		case ".", "..":
			if segment == ".." {
				out = out[:max(0, strings.LastIndexByte(string(out), '/'))]
			}
			if end == len(b) {
				out = append(out, '/')
			}
		default:
			out = append(out, b[i:end]...)
		}
		i = end
	}
	return out
}
