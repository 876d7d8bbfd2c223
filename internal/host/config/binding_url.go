package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// parseBindingURL reads scheme://host:port. A name in the place of the host means every address, for that name; an
// address means every name. token is the part that is wrong.
func parseBindingURL(text string) (b Binding, wrong *complaint, token string) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return b, &complaint{"is not a URL", bindingHint(text)}, ""
	}
	b.Protocol = Protocol(scheme)
	if b.Protocol != HTTP && b.Protocol != HTTPS {
		return b, &complaint{"has an unknown scheme", "begin with http:// or https://"}, scheme
	}
	if path, ok := strings.CutPrefix(rest, unixPrefix); ok {
		b.Address = unixPrefix + path
		return b, unixComplaint(path), path
	}
	rest = strings.TrimSuffix(rest, "/")
	if i := strings.IndexAny(rest, "/?#@"); i >= 0 {
		return b, beyondAddress(rest[i], b.Protocol), rest[i:]
	}
	host, port, wrong := splitHostPort(rest)
	if wrong != nil {
		return b, wrong, rest
	}
	b.Port = defaultPort(b.Protocol)
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 0 || n > 65535 || !digits.MatchString(port) {
			return b, &complaint{"has a bad port", "write a port from 0 to 65535; 0 lets the system choose one"}, port
		}
		b.Port = n
	}
	b.Address, wrong = parseAddress(host)
	if wrong == nil {
		return b, nil, ""
	}
	if looksLikeAddress(host) {
		return b, wrong, host
	}
	b.Address = "*"
	b.Host, wrong = parseHost(host)
	return b, wrong, host
}

func bindingHint(text string) string {
	if _, err := strconv.ParseUint(strings.TrimPrefix(text, ":"), 10, 16); err == nil {
		return "write http://*:" + strings.TrimPrefix(text, ":")
	}
	return "write a URL such as http://127.0.0.1:8080, http://*:8080 or http://www.example.org:8080"
}

// beyondAddress says what to do with the parts of a URL that a binding does not have.
func beyondAddress(first byte, p Protocol) *complaint {
	switch first {
	case '?':
		return &complaint{"has a query, which a binding does not", fmt.Sprintf("for an address and a host name write {protocol: %s, address: 127.0.0.1, port: 8080, host: www.example.org}", p)}
	case '@':
		return &complaint{"has a user name, which a binding does not", "remove everything up to @"}
	case '#':
		return &complaint{"has a fragment, which a binding does not", "remove # and what follows"}
	}
	return &complaint{"has a path, which a binding does not", `remove it here and write it as the "path" of an application`}
}

// splitHostPort cuts host:port; the port may be missing, and an IPv6 address stands in brackets.
func splitHostPort(text string) (host, port string, wrong *complaint) {
	if strings.HasPrefix(text, "[") {
		inner, after, ok := strings.Cut(text[1:], "]")
		if !ok || after != "" && after[0] != ':' {
			return "", "", &complaint{"has an IPv6 address without its closing bracket", "write http://[::1]:8080"}
		}
		if ip, err := netip.ParseAddr(inner); err != nil || !ip.Is6() {
			return "", "", &complaint{"has no IPv6 address between the brackets", "write http://[::1]:8080"}
		}
		return inner, strings.TrimPrefix(after, ":"), nil
	}
	if strings.Count(text, ":") > 1 {
		return "", "", &complaint{"has an IPv6 address without brackets, or two ports", "write http://[::1]:8080"}
	}
	host, port, _ = strings.Cut(text, ":")
	if host == "" {
		return "", "", &complaint{"has no host", "write * for every address, as in http://*:8080"}
	}
	return host, port, nil
}

func defaultPort(p Protocol) int {
	if p == HTTPS {
		return 443
	}
	return 80
}
