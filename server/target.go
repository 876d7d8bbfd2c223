package server

import (
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// SplitTarget returns what RequestFeature's Path and RawQuery are for a request target as it was sent (RFC 9112 §3.2):
// origin form or absolute form. Both are empty for the authority form of CONNECT and for the asterisk form. It is for
// servers written outside of this module, so that all of them route alike.
func SplitTarget(target string) (path, rawQuery string) {
	path, rawQuery, _ = strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") {
		_, rest, absolute := strings.Cut(path, "://")
		if !absolute {
			return "", ""
		}
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "/", rawQuery
		}
		path = rest[slash:]
	}
	return httpcommon.CleanPath(path), rawQuery
}
