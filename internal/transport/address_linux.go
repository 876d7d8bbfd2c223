package transport

import (
	"bytes"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

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

// addressOf asks a socket for one of its ends: getname is unix.SYS_GETSOCKNAME or SYS_GETPEERNAME. It is none when there is none
// any more.
func addressOf(getname uintptr, fd int) address {
	var rsa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	if _, _, errno := syscall.RawSyscall(getname, uintptr(fd), uintptr(unsafe.Pointer(&rsa)), uintptr(unsafe.Pointer(&size))); errno != 0 {
		return address{}
	}
	return rawAddress(&rsa, size)
}

// rawAddress reads an address as the kernel wrote it, in size bytes.
func rawAddress(rsa *unix.RawSockaddrAny, size uint32) (a address) {
	bigEndian := func(port *uint16) uint16 {
		b := (*[2]byte)(unsafe.Pointer(port))
		return uint16(b[0])<<8 | uint16(b[1])
	}
	switch rsa.Addr.Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(rsa))
		a.kind, a.port = addressIPv4, bigEndian(&sa.Port)
		copy(a.ip[:], sa.Addr[:])
	case unix.AF_INET6:
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(rsa))
		a.kind, a.port, a.ip, a.zone = addressIPv6, bigEndian(&sa.Port), sa.Addr, sa.Scope_id
	case unix.AF_UNIX:
		a.unix = unnamed
		sa := (*unix.RawSockaddrUnix)(unsafe.Pointer(rsa))
		path := unsafe.Slice((*byte)(unsafe.Pointer(&sa.Path[0])), len(sa.Path))
		if n := int(size) - int(unsafe.Offsetof(sa.Path)); n > 0 {
			path = path[:min(n, len(path))]
			switch end := bytes.IndexByte(path, 0); {
			case path[0] == 0: // an abstract name, which package net writes with an @ (unix(7))
				a.unix = &net.UnixAddr{Name: "@" + string(path[1:]), Net: "unix"}
			case end >= 0:
				a.unix = &net.UnixAddr{Name: string(path[:end]), Net: "unix"}
			default:
				a.unix = &net.UnixAddr{Name: string(path), Net: "unix"}
			}
		}
	}
	return a
}

// unnamed is the address of most clients of a unix socket, as package net has it.
var unnamed = &net.UnixAddr{Name: "@", Net: "unix"}

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
