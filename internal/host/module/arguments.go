package module

import "strings"

// splitArguments cuts a command line into arguments by the rules of Windows,
// which a web.config is written for (CommandLineToArgvW): blanks separate, double
// quotes hold together, 2n backslashes before a quote are n backslashes and the
// quote acts, 2n+1 are n and the quote is text; others are text.
func splitArguments(line string) []string {
	var args []string
	var arg strings.Builder
	inside, quoted := false, false // an argument has begun; within quotes
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			n := 1
			for i+n < len(line) && line[i+n] == '\\' {
				n++
			}
			if i+n < len(line) && line[i+n] == '"' {
				arg.WriteString(strings.Repeat(`\`, n/2))
				i += n - 1
				if n%2 == 1 {
					arg.WriteByte('"')
					i++
				}
			} else {
				arg.WriteString(line[i : i+n])
				i += n - 1
			}
			inside = true
		case c == '"':
			if quoted && i+1 < len(line) && line[i+1] == '"' { // "" within quotes is a quote
				arg.WriteByte('"')
				i++
				continue
			}
			quoted = !quoted
			inside = true
		case (c == ' ' || c == '\t' || c == '\r' || c == '\n') && !quoted:
			if inside {
				args = append(args, arg.String())
				arg.Reset()
				inside = false
			}
		default:
			arg.WriteByte(c)
			inside = true
		}
	}
	if inside {
		args = append(args, arg.String())
	}
	return args
}
