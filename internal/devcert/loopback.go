package devcert

import (
	"net"
	"strings"
)

// Loopback reports whether a host of an address, a name or an IP address also in brackets, is reached from this computer alone: only there
// is the certificate used unasked. All names below localhost are (RFC 6761 §6.3).
func Loopback(host string) bool {
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
