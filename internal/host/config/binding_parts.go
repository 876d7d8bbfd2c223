package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
)

// parseAddress reads *, localhost, an IP address or unix:/path.
func parseAddress(text string) (string, *complaint) {
	if text == "*" || text == "localhost" {
		return text, nil
	}
	if path, ok := strings.CutPrefix(text, unixPrefix); ok {
		return text, unixComplaint(path)
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err == nil {
		return ip.Unmap().String(), nil
	}
	hint := `write *, localhost, an IP address or unix:/path; a host name belongs to "host"`
	if text == "+" {
		hint = "write * for every address"
	}
	return "", &complaint{"is not an address", hint}
}

func unixComplaint(path string) *complaint {
	switch {
	case !filepath.IsAbs(path) && !strings.HasPrefix(path, "/"):
		return &complaint{"needs an absolute path after unix:", "write unix:/run/name.sock"}
	case len(path) > maxSocketPath:
		return &complaint{fmt.Sprintf("has a socket path of more than %d octets", maxSocketPath), "choose a shorter path"}
	}
	return nil
}

// looksLikeAddress tells a mistyped address from a host name: no name ends in a label of digits alone (RFC 1123 section 2.1).
func looksLikeAddress(text string) bool {
	last := text[strings.LastIndexByte(text, '.')+1:]
	return text == "+" || last != "" && strings.Trim(last, "0123456789") == ""
}

var hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// parseHost reads a host name, or *. and a host name, and returns it in lower case.
func parseHost(text string) (string, *complaint) {
	name := strings.ToLower(text)
	below := strings.TrimPrefix(name, "*.")
	switch {
	case strings.Contains(below, "*"):
		return "", &complaint{"has a wildcard in the wrong place", "only the whole first label can be *, as in *.example.org"}
	case strings.ContainsFunc(name, func(r rune) bool { return r > 127 }):
		return "", &complaint{"is not in ASCII", "write the name in its xn-- form"}
	case strings.HasSuffix(name, "."):
		return "", &complaint{"ends with a dot", "remove the last dot"}
	case strings.Contains(name, ":"):
		return "", &complaint{"is not a host name", `write the port in "port"`}
	case len(name) > 253:
		return "", &complaint{"is too long for a host name", "write at most 253 characters"}
	case looksLikeAddress(name):
		return "", &complaint{"is an address, not a host name", `write it in "address"`}
	}
	for label := range strings.SplitSeq(below, ".") {
		if !hostLabel.MatchString(label) {
			return "", &complaint{"is not a host name", "write a name such as www.example.org or *.example.org"}
		}
	}
	return name, nil
}
