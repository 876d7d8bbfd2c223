package forwardedheaders

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
	"slices"
)

// peer is who sent the request, or who a proxy says it has it from.
type peer struct {
	endpoint netip.AddrPort // not valid when there is no IP address
	unix     bool           // connected over a unix socket
}

// parsePeer reads the text of a remote address. On a unix socket that text is a name which the client has chosen, and may
// look like an address; overUnix says so.
func parsePeer(text string, overUnix bool) peer {
	if overUnix {
		return peer{unix: true}
	}
	if endpoint, err := netip.ParseAddrPort(text); err == nil {
		return peer{endpoint: endpoint}
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return peer{}
	}
	return peer{endpoint: netip.AddrPortFrom(addr, 0)}
}

// trusts reports whether the headers of the peer that sent the request are believed.
func (f *forwarder) trusts(m *message) bool {
	if f.opts.SecretHeader != "" && f.showsSecret(m.values(f.opts.SecretHeader)) {
		return true
	}
	return f.known(m.peer)
}

// known reports whether p is a proxy of the lists.
func (f *forwarder) known(p peer) bool {
	switch {
	case f.opts.DangerouslyTrustEveryPeer:
		return true
	case p.unix:
		return f.opts.TrustUnixPeers
	case !p.endpoint.IsValid():
		return false
	}
	addr := p.endpoint.Addr()
	return f.listed(addr) || addr.Is4In6() && f.listed(addr.Unmap())
}

func (f *forwarder) listed(addr netip.Addr) bool {
	if slices.Contains(f.opts.KnownProxies, addr) {
		return true
	}
	for _, network := range f.opts.KnownNetworks {
		if contains(network, addr) {
			return true
		}
	}
	return false
}

// showsSecret compares digests, so that neither the time nor the length tells anything about the secret.
func (f *forwarder) showsSecret(values []string) bool {
	if len(values) != 1 {
		return false
	}
	shown := sha256.Sum256([]byte(values[0]))
	return subtle.ConstantTimeCompare(shown[:], f.secret[:]) == 1
}
