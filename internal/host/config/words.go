package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// splitWords cuts a command into words as a POSIX shell does, with blanks, quotes and backslashes, but without a shell's
// other powers; what asks for those is refused rather than passed on as an argument. A ${...} stays in its word as
// it is, to be replaced afterwards, so that a value with blanks remains one word; between single quotes it becomes $${...},
// which stands for the characters themselves. token is the part that is wrong.
func splitWords(text string) (words []string, wrong *complaint, token string) {
	var word strings.Builder
	begun := false
	quote := rune(0)
	for i := 0; i < len(text); {
		rest := text[i:]
		r, size := utf8.DecodeRuneInString(rest)
		i += size
		switch {
		case quote == '\'' && strings.HasPrefix(rest, "${"):
			word.WriteString("$$")
		case r == quote && quote != 0:
			quote = 0
		case quote == '\'':
			word.WriteRune(r)
		case strings.HasPrefix(rest, "${") || strings.HasPrefix(rest, "$${"):
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				return nil, &complaint{"${ is not closed", "write ${env:NAME}"}, "${"
			}
			word.WriteString(rest[:end+1])
			i += end + 1 - size
			begun = true
		case r == '\\' && i < len(text):
			escaped, size := utf8.DecodeRuneInString(text[i:])
			if quote == '"' && !strings.ContainsRune("\"\\$`", escaped) {
				word.WriteByte('\\')
			}
			if strings.HasPrefix(text[i:], "${") {
				word.WriteByte('$')
			}
			word.WriteRune(escaped)
			i += size
			begun = true
		case r == '\\':
			return nil, &complaint{"the command ends with a backslash", `write \\ for a backslash, or the command as a list`}, `\`
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
			begun = true
		case shellOnly(rest, quote):
			return nil, &complaint{
				fmt.Sprintf("the command needs a shell for %q, but none is started", r),
				"write the command as a list, such as [sh, -c, 'a && b'], or put the character in quotes; for a variable write ${env:NAME}",
			}, string(r)
		case quote == 0 && strings.ContainsRune(" \t\r\n", r):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 {
		return nil, &complaint{fmt.Sprintf("the quote %c in the command is not closed", quote), "close it, or write the command as a list"}, string(quote)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil, ""
}

// shellOnly reports whether a text begins with what a shell would act on.
func shellOnly(rest string, quote rune) bool {
	if rest[0] == '$' && len(rest) > 1 {
		next := rest[1]
		return next == '(' || next == '_' || next >= 'a' && next <= 'z' || next >= 'A' && next <= 'Z'
	}
	return rest[0] == '`' || quote == 0 && strings.IndexByte("|&;<>()", rest[0]) >= 0
}
