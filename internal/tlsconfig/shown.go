package tlsconfig

import (
	"crypto/tls"
	"slices"
)

// Shown is what handshakes for one name are made by, for somebody else who makes them: another process, which does not get the keys.
type Shown struct {
	// Certificates are in use now, the best first, each with its key and OCSP response. They must not be changed.
	Certificates []*tls.Certificate
	// Config has the versions, suites and protocols, and what clients are asked for. It must not be changed.
	Config *tls.Config
	// Label tells what is shown under a name from what is under others of the Store.
	Label string
	// Owner is the Name's.
	Owner string

	tickets *TicketKeys
}

// Shown returns what handshakes for a name are made by now; nil when they are refused, or may be made by something else than certificates:
// Base's GetConfigForClient, or MustChoose.
func (s *Store) Shown(name string) *Shown {
	if base := s.opts.Base; base != nil && (base.GetConfigForClient != nil || base.GetCertificate != nil) {
		return nil
	}
	set := s.current.Load()
	p := set.choices.find(name)
	if p == nil || p.must != nil {
		return nil
	}
	out := &Shown{Config: p.config, Label: set.tickets[p.config], Owner: p.owner, tickets: s.tickets}
	for _, c := range p.certs {
		out.Certificates = append(out.Certificates, c.current.Load())
	}
	return out
}

// Same reports whether handshakes by other would be made by the same. Keys of tickets do not count.
func (s *Shown) Same(other *Shown) bool {
	return s.Config == other.Config && slices.Equal(s.Certificates, other.Certificates)
}

// Tickets returns the keys of the name's session tickets, the newest first, and a number that is another when they are.
func (s *Shown) Tickets() (keys [][32]byte, version uint64) { return s.tickets.derived(s.Label) }

// TicketsVersion returns that number alone.
func (s *Shown) TicketsVersion() uint64 { return s.tickets.version.Load() }

func (k *TicketKeys) derived(of string) (keys [][32]byte, version uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		keys = append(keys, key.derive(of))
	}
	return keys, k.version.Load()
}
