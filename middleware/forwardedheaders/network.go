package forwardedheaders

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Reasons why ParseNetwork refuses a text.
var (
	// ErrNetworkFormat: it is not an IP address, a slash and a number.
	ErrNetworkFormat = errors.New("not a network: write an address and a prefix length, as in 10.0.0.0/8")
	// ErrNetworkRange: the number is negative or larger than the address has bits.
	ErrNetworkRange = errors.New("the prefix length is out of range: 0 to 32 for IPv4, 0 to 128 for IPv6")
)

// ParseNetwork reads an entry for Options.KnownNetworks: "10.0.0.0/8", "2001:db8::/32". Bits after the prefix are ignored:
// "192.168.1.1/16" is all of 192.168. Errors wrap ErrNetworkFormat or ErrNetworkRange.
func ParseNetwork(s string) (netip.Prefix, error) {
	host, length, found := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	if !found || err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("known network %q: %w", s, ErrNetworkFormat)
	}
	bits, err := strconv.ParseInt(length, 10, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return netip.Prefix{}, fmt.Errorf("known network %q: %w", s, ErrNetworkRange)
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("known network %q: %w", s, ErrNetworkFormat)
	case bits < 0 || bits > int64(addr.BitLen()):
		return netip.Prefix{}, fmt.Errorf("known network %q: %w", s, ErrNetworkRange)
	}
	return netip.PrefixFrom(addr, int(bits)), nil
}

// contains reports whether network holds addr: bit for bit, without turning one family into the other.
func contains(network netip.Prefix, addr netip.Addr) bool {
	return network.Contains(addr.WithZone(""))
}
