package staticfiles

import (
	"io/fs"
	"path"
	"runtime"
	"strings"
)

// A key is a cleaned URL path without its first slash. It ends in a slash where the path did; "" is the root.

// cleanKey makes the key of a path: dot segments are resolved and slashes merged, as http.FileServer does.
func cleanKey(p string) string {
	key := path.Clean("/" + p)[1:]
	if key != "" && isDirectoryPath(p) {
		key += "/"
	}
	return key
}

func isDirectoryPath(p string) bool {
	return strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") || strings.HasSuffix(p, "/..")
}

// allows reports whether a key may name a file: what it says means the same on every system, and dot files are served or
// it has none.
func (d DotFiles) allows(key string) bool {
	name := strings.TrimSuffix(key, "/")
	if name == "" {
		return true
	}
	// A backslash separates on Windows only; nobody needs one elsewhere.
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	for segment := range strings.SplitSeq(name, "/") {
		if runtime.GOOS == "windows" && isAlias(segment) {
			return false
		}
	}
	return d == ServeDotFiles || !d.hides(name)
}

func (d DotFiles) hides(name string) bool {
	if rest, found := strings.CutPrefix(name, ".well-known"); found && d == ServeWellKnown && (rest == "" || rest[0] == '/') {
		name = rest
	}
	return strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}

// isAlias reports names that Windows takes for another one: with dots or spaces at the end, with a stream, or short
// (GIT~1 is .git), by which a dot file could be had.
func isAlias(segment string) bool {
	last := segment[len(segment)-1]
	if last == '.' || last == ' ' || strings.Contains(segment, ":") {
		return true
	}
	i := strings.LastIndexByte(segment, '~')
	return i >= 0 && i+1 < len(segment) && segment[i+1] >= '0' && segment[i+1] <= '9'
}
