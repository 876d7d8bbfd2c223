package jsonc

import "bytes"

var byteOrderMark = []byte("\xef\xbb\xbf")

// Plain returns data as JSON by RFC 8259: comments and commas that nothing follows are replaced by blanks, so that
// everything stays in its line and column, and a byte order mark, as Visual Studio writes it, is removed. What is wrong
// otherwise stays as it is.
func Plain(data []byte) []byte {
	data = bytes.TrimPrefix(data, byteOrderMark)
	out := make([]byte, 0, len(data))
	comma := -1           // where the last comma is, while nothing but space follows it
	var before, last byte // what came before that comma; the last byte that is not space
	for i := 0; i < len(data); {
		rest := data[i:]
		switch {
		case rest[0] == '"':
			n := TextLength(rest)
			out = append(out, rest[:n]...)
			i += n
			comma, last = -1, '"'
			continue
		case bytes.HasPrefix(rest, []byte("//")):
			n := indexOr(rest, "\n", 0)
			out = appendBlanks(out, rest[:n])
			i += n
			continue
		case bytes.HasPrefix(rest, []byte("/*")):
			n := 2 + indexOr(rest[2:], "*/", 2)
			out = appendBlanks(out, rest[:n])
			i += n
			continue
		case rest[0] == ' ', rest[0] == '\t', rest[0] == '\r', rest[0] == '\n':
		case rest[0] == ',':
			comma, before, last = len(out), last, ','
		case rest[0] == '}', rest[0] == ']':
			if comma >= 0 && isValueEnd(before) {
				out[comma] = ' '
			}
			comma, last = -1, rest[0]
		default:
			comma, last = -1, rest[0]
		}
		out = append(out, rest[0])
		i++
	}
	return out
}

// isValueEnd reports whether a comma may stand behind c: [,] has nothing before it.
func isValueEnd(c byte) bool { return c != 0 && c != '[' && c != '{' && c != ',' && c != ':' }

// TextLength returns the length of the text that begins data, quotes included; all of data when it is not closed.
func TextLength(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

func indexOr(data []byte, sep string, after int) int {
	if n := bytes.Index(data, []byte(sep)); n >= 0 {
		return n + after
	}
	return len(data)
}

func appendBlanks(out, comment []byte) []byte {
	for _, c := range comment {
		if c != '\n' && c != '\r' {
			c = ' '
		}
		out = append(out, c)
	}
	return out
}
