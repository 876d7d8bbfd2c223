package launch

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// plainJSON replaces what a YAML parser does not take: comments and tabs by blanks, so that everything stays in its line
// and column, and pairs of surrogates in texts by the character they mean. Trailing commas are fine in YAML.
func plainJSON(data []byte) []byte {
	data = bytes.TrimPrefix(data, byteOrderMark) // Visual Studio writes one
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		rest := data[i:]
		switch {
		case rest[0] == '"':
			n := textLength(rest)
			out = appendText(out, rest[:n])
			i += n
		case bytes.HasPrefix(rest, []byte("//")):
			n := indexOr(rest, "\n", 0)
			out = appendBlanks(out, rest[:n])
			i += n
		case bytes.HasPrefix(rest, []byte("/*")):
			n := 2 + indexOr(rest[2:], "*/", 2)
			out = appendBlanks(out, rest[:n])
			i += n
		case rest[0] == '\t':
			out = append(out, ' ')
			i++
		default:
			out = append(out, rest[0])
			i++
		}
	}
	return out
}

// textLength returns the length of the text that begins data, quotes included; all of data when it is not closed.
func textLength(data []byte) int {
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

// appendText copies a text of JSON. YAML has no pairs of surrogates, but the escape \U.
func appendText(out, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		if r, ok := surrogates(text[i:]); ok {
			out = fmt.Appendf(out, `\U%08X`, r)
			i += len(`\uD83D\uDE00`) - 1
			continue
		}
		out = append(out, text[i])
		if text[i] == '\\' && i+1 < len(text) {
			i++
			out = append(out, text[i])
		}
	}
	return out
}

func surrogates(text []byte) (rune, bool) {
	if len(text) < 12 || text[0] != '\\' || text[1] != 'u' || text[6] != '\\' || text[7] != 'u' {
		return 0, false
	}
	high, err1 := strconv.ParseUint(string(text[2:6]), 16, 16)
	low, err2 := strconv.ParseUint(string(text[8:12]), 16, 16)
	if err1 != nil || err2 != nil || high < 0xD800 || high > 0xDBFF || low < 0xDC00 || low > 0xDFFF {
		return 0, false
	}
	return utf16.DecodeRune(rune(high), rune(low)), true
}
