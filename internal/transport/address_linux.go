package transport

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// address is the address of a socket in the room of three words, as there are many connections.
type address struct {
	ip   [16]byte
	port uint16
	kind uint8
	zone uint32        // index of the interface of a link-local address (RFC 4007)
	unix *net.UnixAddr // instead of all above
}

// The kinds of an address; zero is none.
const (
	addressIPv4 = 1 + iota
	addressIPv6
)

func toAddress(sa unix.Sockaddr) (a address) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		a.kind, a.port = addressIPv4, uint16(sa.Port)
		copy(a.ip[:], sa.Addr[:])
	case *unix.SockaddrInet6:
		a.kind, a.port, a.ip, a.zone = addressIPv6, uint16(sa.Port), sa.Addr, sa.ZoneId
	case *unix.SockaddrUnix:
		a.unix = unnamed
		if sa.Name != "" {
			a.unix = &net.UnixAddr{Name: sa.Name, Net: "unix"}
		}
	}
	return a
}

// unnamed is the address of most clients of a unix socket.
var unnamed = &net.UnixAddr{Net: "unix"}

// net returns the address as package net has it, or nil. An IPv4 address that came over an IPv6 socket is one of IPv4.
func (a *address) net() net.Addr {
	switch {
	case a.unix != nil:
		return a.unix
	case a.kind == addressIPv4:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.ip[:4])), a.port))
	case a.kind == addressIPv6:
		ip := netip.AddrFrom16(a.ip).Unmap()
		if a.zone != 0 && ip.Is6() {
			if iface, err := net.InterfaceByIndex(int(a.zone)); err == nil {
				ip = ip.WithZone(iface.Name)
			}
		}
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, a.port))
	}
	return nil
}
