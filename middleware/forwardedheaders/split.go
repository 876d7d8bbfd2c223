package forwardedheaders

import "strings"

// splitList splits the field lines of a header at commas. Items are trimmed, a comma between double quotes does not
// split, an item that is quoted as a whole loses its quotes, and empty items are dropped. There are no escapes.
//
// A quote that is never closed makes the rest of its line part of one item, quote included: nothing that could be mistaken
// for an address, scheme, host or prefix.
func splitList(lines []string) []string {
	var items []string
	for _, line := range lines {
		for line != "" {
			var item string
			item, line = cutItem(line)
			if item = unquote(trimBlanks(item)); item != "" {
				items = append(items, item)
			}
		}
	}
	return items
}

// cutItem cuts line at the first comma outside quotes.
func cutItem(line string) (item, rest string) {
	quoted := false
	for i := range len(line) {
		switch line[i] {
		case '"':
			quoted = !quoted
		case ',':
			if !quoted {
				return line[:i], line[i+1:]
			}
		}
	}
	return line, ""
}

func trimBlanks(s string) string { return strings.Trim(s, " \t\r\n\v\f") }

func unquote(s string) string {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// joinList is the reverse: a comma without a blank between the items, quotes around an item that a comma would split.
func joinList(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		if strings.Contains(item, ",") && !strings.Contains(item, `"`) {
			item = `"` + item + `"`
		}
		quoted[i] = item
	}
	return strings.Join(quoted, ",")
}
