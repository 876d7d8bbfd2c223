package launch

import "strings"

// splitArguments splits a command line as launchSettings.json means it, by the rules of Windows: blanks separate, double
// quotes hold together, and backslashes are letters unless they stand before a double quote, where two mean one and the
// odd one makes the quote a letter. Paths with backslashes therefore need no care.
func splitArguments(line string) []string {
	var args []string
	var arg strings.Builder
	inArg, quoted := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			n := 1
			for i+n < len(line) && line[i+n] == '\\' {
				n++
			}
			i += n - 1
			inArg = true
			if i+1 == len(line) || line[i+1] != '"' {
				arg.WriteString(strings.Repeat(`\`, n))
				continue
			}
			arg.WriteString(strings.Repeat(`\`, n/2))
			if n%2 == 1 {
				i++
				arg.WriteByte('"')
			}
		case c == '"':
			quoted, inArg = !quoted, true
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			if inArg {
				args = append(args, arg.String())
			}
			arg.Reset()
			inArg = false
		default:
			inArg = true
			arg.WriteByte(c)
		}
	}
	if inArg {
		args = append(args, arg.String())
	}
	return args
}

// expand replaces %NAME% by the value of the variable. As on Windows, a name that is not set stays as it is written.
func expand(text string, lookup func(string) (string, bool)) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "%")
		value, set := lookup(name)
		switch {
		case closed && name != "" && set:
			b.WriteString(value)
			text = after
		default: // the second % may begin another name
			b.WriteByte('%')
			text = rest
		}
	}
}
