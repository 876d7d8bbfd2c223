package kestrel

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Address is a parsed URL of an endpoint.
type Address struct {
	// Scheme is "http" or "https".
	Scheme string
	// Host is a host name, an IP address, "*", "+", or "unix:/path" or "fd:N".
	Host string
	// Port is 0 for a free port, and for a unix socket or a descriptor.
	Port int
	// PathBase is what stands behind the host; an endpoint must not have any.
	PathBase string
}

// ParseAddress parses scheme://host[:port], http://unix:/path, or http://fd:N (a listening descriptor that this process
// inherited). The default port is 80, or 443 for https. It accepts any scheme and a path, as Kestrel's BindingAddress
// does; to listen, the scheme must be http or https, and there must be no path.
func ParseAddress(url string) (Address, error) {
	scheme, rest, found := strings.Cut(url, "://")
	if !found || scheme == "" {
		return Address{}, fmt.Errorf("invalid url %q: write it as scheme://host:port, for example http://localhost:5000", url)
	}
	a := Address{Scheme: strings.ToLower(scheme)}
	if strings.HasPrefix(rest, "unix:/") {
		path, base, colon := strings.Cut(rest[len("unix:"):], ":")
		a.Host = "unix:" + strings.TrimSuffix(path, "/")
		if colon {
			a.PathBase = strings.TrimSuffix(base, "/")
		}
		return a, nil
	}
	authority, base := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, base = rest[:i], rest[i:]
	}
	a.PathBase = strings.TrimSuffix(base, "/")
	a.splitPort(authority)
	if a.Host == "" {
		return Address{}, fmt.Errorf("invalid url %q: it has no host; use * to listen on every address", url)
	}
	return a, nil
}

// splitPort takes a port that is a number; anything else is part of the host.
func (a *Address) splitPort(authority string) {
	a.Host, a.Port = authority, 80
	if a.Scheme == "https" {
		a.Port = 443
	}
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.HasSuffix(authority, "]") {
		return
	}
	if port, err := strconv.ParseUint(authority[i+1:], 10, 16); err == nil {
		a.Host, a.Port = authority[:i], int(port)
		if a.Host == "fd" {
			a.Host, a.Port = "fd:"+authority[i+1:], 0
		}
	}
}

// String returns the URL without its path, the form in which addresses are compared and shown.
func (a Address) String() string {
	if a.isUnix() || a.isDescriptor() {
		return a.Scheme + "://" + a.Host
	}
	return a.Scheme + "://" + strings.ToLower(a.Host) + ":" + strconv.Itoa(a.Port)
}

func (a Address) isUnix() bool       { return strings.HasPrefix(a.Host, "unix:") }
func (a Address) isDescriptor() bool { return strings.HasPrefix(a.Host, "fd:") }

// check says why it is not possible to listen on a.
func (a Address) check() error {
	switch {
	case a.Scheme != "http" && a.Scheme != "https":
		return fmt.Errorf("address %s: the scheme %q is not supported, use http or https", a, a.Scheme)
	case a.PathBase != "":
		return fmt.Errorf("address %s%s: an endpoint has no path; mount the application under a path base with middleware or in lanner.yaml", a, a.PathBase)
	case a.isUnix(), a.isDescriptor(), a.ip().IsValid():
		return nil
	case strings.Trim(a.Host, "0123456789.") == "", strings.HasPrefix(a.Host, "["):
		return fmt.Errorf("address %s: %s is not an IP address; use * to listen on every address", a, a.Host)
	case strings.Contains(a.Host, ":"):
		return fmt.Errorf("address %s: the port must be a number from 0 to 65535, and an IPv6 address stands in brackets", a)
	}
	return nil
}

// ip returns the address to bind, which is not valid for every address. A host name that is neither an IP address nor
// localhost means every address, too: names are for clients.
func (a Address) ip() netip.Addr {
	ip, _ := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(a.Host, "["), "]"))
	return ip
}
