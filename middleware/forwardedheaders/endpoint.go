package forwardedheaders

import (
	"net/netip"
	"strconv"
	"strings"
)

// ParseEndpoint reads an address with an optional port as proxies write it into X-Forwarded-For: "1.2.3.4", "1.2.3.4:5",
// "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5". The port is 0 when there is none. IPv4 is read as inet_aton(3)
// reads it, which is what ASP.NET does: one to four parts, decimal, octal (0…) or hexadecimal (0x…), so that "1" is
// 0.0.0.1. A zone may have letters, digits, dots, dashes and underscores.
func ParseEndpoint(s string) (netip.AddrPort, bool) {
	host, port := s, ""
	if colon := strings.LastIndexByte(s, ':'); colon > 0 {
		bracketed := s[colon-1] == ']'
		if bracketed || strings.IndexByte(s, ':') == colon {
			host, port = s[:colon], s[colon+1:]
			if port == "" {
				return netip.AddrPort{}, false
			}
		}
	}
	addr, ok := parseAddr(host)
	if !ok {
		return netip.AddrPort{}, false
	}
	number, ok := parsePort(port)
	return netip.AddrPortFrom(addr, number), ok
}

// parsePort takes digits alone: strconv would take a sign and underscores. No port is port 0.
func parsePort(s string) (uint16, bool) {
	if s == "" {
		return 0, true
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil
}

func parseAddr(s string) (netip.Addr, bool) {
	if !strings.Contains(s, ":") {
		return parseIPv4(s)
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if s, ok = strings.CutSuffix(inner, "]"); !ok {
			return netip.Addr{}, false
		}
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || !addr.Is6() || !plainZone(addr.Zone()) {
		return netip.Addr{}, false
	}
	return addr, true
}

// plainZone keeps what could be harmful in a log or a page out of addresses.
func plainZone(zone string) bool {
	for i := range len(zone) {
		c := zone[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// parseIPv4 reads one to four numbers. All but the last are one byte each, the last fills what is left.
func parseIPv4(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, part := range parts {
		n, ok := parseNumber(part)
		room := 8
		if i == len(parts)-1 {
			room = 32 - 8*i
		}
		if !ok || n >= 1<<room {
			return netip.Addr{}, false
		}
		value = value<<room | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// parseNumber reads a decimal, octal or hexadecimal number below 1<<32.
func parseNumber(s string) (uint64, bool) {
	radix := uint64(10)
	switch {
	case len(s) > 1 && s[0] == '0' && s[1]|0x20 == 'x':
		radix, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		radix = 8
	}
	if s == "" {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		d := digitOf(s[i])
		if d >= radix {
			return 0, false
		}
		if n = n*radix + d; n >= 1<<32 {
			return 0, false
		}
	}
	return n, true
}

// digitOf is the value of a digit, 255 for what is none.
func digitOf(c byte) uint64 {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return uint64(c|0x20-'a') + 10
	}
	return 255
}
