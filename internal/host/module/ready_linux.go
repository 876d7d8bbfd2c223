package module

import (
	"context"
	"net/netip"

	"github.com/lannerhq/lanner/internal/host/process"
)

// look finds out who gets connections to 127.0.0.1:port. Few sockets listen, so
// reading their table is cheap; the files of the tree are only looked at once
// there is a listener on the port.
func look(ctx context.Context, p *process.Process, port int) sight {
	all, err := listeners()
	if err != nil {
		return sight{}
	}
	best := bestFor(all, port)
	if len(best) == 0 {
		return sight{}
	}
	// Whether a socket on [::] takes IPv4 too is in none of the kernel's tables.
	if rank(best[0].addr.Addr()) == rankAnyV6 && !dials(ctx, port) {
		return sight{}
	}
	ours := sockets(p.Tree())
	var s sight
	for _, l := range best {
		pid, ok := ours[l.inode]
		if !ok { // with SO_REUSEPORT it would get a share of the connections
			return sight{foreign: true, owner: sockets(allPIDs())[l.inode]}
		}
		if s.pid == 0 {
			s.pid = pid
		}
	}
	return s
}

// Ranks of listening addresses. Of several sockets that match a connection to
// 127.0.0.1 the kernel takes those of the lowest rank.
const (
	rankNone = iota
	rankExact
	rankAnyV4
	rankAnyV6
)

func rank(a netip.Addr) int {
	switch a = a.Unmap(); {
	case a == netip.AddrFrom4([4]byte{127, 0, 0, 1}):
		return rankExact
	case a == netip.IPv4Unspecified():
		return rankAnyV4
	case a == netip.IPv6Unspecified():
		return rankAnyV6
	}
	return rankNone
}

// bestFor returns the sockets that get connections to 127.0.0.1:port.
func bestFor(all []listener, port int) []listener {
	var best []listener
	lowest := rankAnyV6 + 1
	for _, l := range all {
		r := rank(l.addr.Addr())
		if int(l.addr.Port()) != port || r == rankNone || r > lowest {
			continue
		}
		if r < lowest {
			best, lowest = nil, r
		}
		best = append(best, l)
	}
	return best
}

// listening lists where the tree of p listens.
func listening(p *process.Process) []netip.AddrPort {
	all, err := listeners()
	if err != nil {
		return nil
	}
	ours := sockets(p.Tree())
	var where []netip.AddrPort
	for _, l := range all {
		if _, ok := ours[l.inode]; ok {
			where = append(where, l.addr)
		}
	}
	return where
}
