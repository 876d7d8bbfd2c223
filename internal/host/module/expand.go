package module

import (
	"strconv"
	"strings"
)

// platformPort is HttpPlatformHandler's variable, which its configurations use in
// arguments and in the values of other variables.
const platformPort = "HTTP_PLATFORM_PORT"

// expandPort replaces %HTTP_PLATFORM_PORT% and %ASPNETCORE_PORT%, in any case.
func expandPort(s string, port int) string {
	return expand(s, func(name string) (string, bool) {
		if isPortName(name) {
			return strconv.Itoa(port), true
		}
		return "", false
	})
}

func isPortName(name string) bool {
	return strings.EqualFold(name, platformPort) || strings.EqualFold(name, portVariable)
}

// expand replaces each %NAME% that value knows, in one pass. Others stay as they
// are, as with ExpandEnvironmentStrings.
func expand(s string, value func(name string) (string, bool)) string {
	if strings.Count(s, "%") < 2 {
		return s
	}
	var b strings.Builder
	for {
		open := strings.IndexByte(s, '%')
		if open < 0 {
			break
		}
		length := strings.IndexByte(s[open+1:], '%')
		if length < 0 {
			break
		}
		v, ok := "", false
		if length > 0 {
			v, ok = value(s[open+1 : open+1+length])
		}
		if ok {
			b.WriteString(s[:open])
			b.WriteString(v)
			s = s[open+length+2:]
			continue
		}
		// The second % may begin a name.
		b.WriteString(s[:open+1+length])
		s = s[open+1+length:]
	}
	b.WriteString(s)
	return b.String()
}
