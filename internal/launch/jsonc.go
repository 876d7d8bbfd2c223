package launch

import (
	"fmt"
	"strconv"
	"unicode/utf16"

	"github.com/lannerhq/lanner/internal/jsonc"
)

// plainJSON replaces what a YAML parser does not take: comments and tabs by blanks, so that everything stays in its line
// and column, and pairs of surrogates in texts by the character they mean.
func plainJSON(data []byte) []byte {
	data = jsonc.Plain(data)
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		switch data[i] {
		case '"':
			n := jsonc.TextLength(data[i:])
			out = appendText(out, data[i:i+n])
			i += n
		case '\t':
			out = append(out, ' ')
			i++
		default:
			out = append(out, data[i])
			i++
		}
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
