package proxyprotocol

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const (
	v1Signature = "PROXY "
	// v1Size is the longest line with its end: "a 108-byte buffer is always enough to store all the line and a trailing zero"
	// (PROXY §2.1).
	v1Size = 107
)

// parseV1 reads a line of version 1.
func parseV1(b []byte) (*Header, int, error) {
	line, _, found := bytes.Cut(b[:min(len(b), v1Size)], []byte("\r\n"))
	switch {
	case found:
	case len(b) >= v1Size:
		return nil, 0, fmt.Errorf("%w: no CR LF within %d bytes", ErrInvalid, v1Size)
	default:
		return nil, len(b) + 1, ErrIncomplete
	}
	h := &Header{Version: 1}
	family, rest, more := strings.Cut(string(line[len(v1Signature):]), " ")
	switch family {
	case "UNKNOWN": // "the receiver must ignore anything presented before the CRLF is found"
		return h, len(line) + 2, nil
	case "TCP4", "TCP6":
	default:
		return nil, 0, fmt.Errorf("%w: the protocol %.20q is none of TCP4, TCP6, UNKNOWN", ErrInvalid, family)
	}
	fields := strings.Split(rest, " ")
	if !more || len(fields) != 4 {
		return nil, 0, fmt.Errorf("%w: want two addresses and two ports, each after one space", ErrInvalid)
	}
	source, err := v1Addr(family, fields[0], fields[2])
	if err != nil {
		return nil, 0, err
	}
	destination, err := v1Addr(family, fields[1], fields[3])
	if err != nil {
		return nil, 0, err
	}
	h.Source, h.Destination = source, destination
	return h, len(line) + 2, nil
}

// v1Addr reads an address and a port: decimal, "heading zeroes are not permitted".
func v1Addr(family, host, port string) (net.Addr, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Is4() != (family == "TCP4") || addr.Zone() != "" {
		return nil, fmt.Errorf("%w: %.45q is no address of %s", ErrInvalid, host, family)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return nil, fmt.Errorf("%w: %.10q is no port", ErrInvalid, port)
	}
	return tcpAddr(addr, uint16(n)), nil
}

func tcpAddr(addr netip.Addr, port uint16) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, port))
}
