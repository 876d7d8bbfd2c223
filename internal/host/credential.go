package host

import (
	"crypto"
	"slices"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// credential is what one worker has been told to end TLS with, for what is shown under one name of one address.
//
//	(none) ──first connection──▶ told ──what is shown has changed, before the next connection──▶ told
//	                               └──a reload: not the application's own any more──▶ ended
type credential struct {
	id      uint32
	at      sni              // one of the names that it is for
	shown   *tlsconfig.Shown // what the worker was told last; nil for nothing
	tickets uint64           // the version of the keys that it was told last; 0 for none
	table   *table           // which names are from
	names   []handover.Name
	keys    map[string]uint64 // by certificate
}

type credentialAt struct {
	front        *front
	local, label string
}

// maxCredentials bounds what a worker is told: a wildcard with a folder of certificates may have any number.
const maxCredentials = 256

// signingKey is a private key that a worker may use by asking.
type signingKey struct {
	signer   crypto.Signer
	front    *front
	at       sni
	replaced time.Time // by another certificate, or by none, since the credential has ended; zero for not
}

// keyGrace is how long a key goes on to sign when its certificate has been replaced, or its site shares the name among applications: a
// handshake may have begun with it.
const keyGrace = 15 * time.Second

// credentialLocked returns the number of what the worker is to end TLS with for a name. It tells the worker what that does not know yet. 0 means that the
// worker must not, or cannot, end TLS for it. telling is held, until the connection has been sent.
func (p *inProcess) credentialLocked(f *front, at sni) uint32 {
	t := f.table.Load()
	security := f.security.Load()
	if t.own(at) != p.w.app || security == nil {
		return 0
	}
	shown := security.at(at.local).Shown(at.name)
	if shown == nil || shown.Owner != p.w.app.site { // a reload has moved the name, and has not come to the certificates yet
		return 0
	}
	key := credentialAt{f, at.local, shown.Label}
	c := p.credentials[key]
	if c == nil {
		if len(p.credentials) >= maxCredentials {
			return 0
		}
		p.lastID++
		c = &credential{id: p.lastID, at: at, keys: make(map[string]uint64)}
		p.credentials[key] = c
	}
	if !p.tellLocked(f, c, t, shown) || !p.tellTicketsLocked(c, shown) {
		return 0
	}
	return c.id
}

// tellLocked sends CREDENTIAL where something has changed.
func (p *inProcess) tellLocked(f *front, c *credential, t *table, shown *tlsconfig.Shown) bool {
	names := c.names
	if c.table != t {
		names = t.authorities(c.at.local, p.w.app.site)
	}
	if c.shown != nil && c.shown.Same(shown) && slices.Equal(names, c.names) {
		c.table = t
		return true
	}
	m := &handover.Credential{ID: c.id, Names: names, Protocols: shown.Config.NextProtos,
		MinVersion: shown.Config.MinVersion, MaxVersion: shown.Config.MaxVersion, Suites: shown.Config.CipherSuites}
	keys := make(map[string]uint64)
	for _, cert := range shown.Certificates {
		signer, ok := cert.PrivateKey.(crypto.Signer)
		if !ok {
			return false
		}
		leaf := string(cert.Certificate[0])
		id := c.keys[leaf]
		if id == 0 {
			id = p.keep(&signingKey{signer: signer, front: f, at: c.at})
		}
		keys[leaf] = id
		m.Certificates = append(m.Certificates, handover.Certificate{Key: id, Chain: cert.Certificate, Staple: cert.OCSPStaple})
	}
	err := p.channel.Send(m)
	if err != nil { // the worker is gone, or there is too much to say
		shown = nil
	}
	p.replace(c.keys, keys)
	c.shown, c.table, c.names, c.keys = shown, t, names, keys
	return err == nil
}

// tellTicketsLocked sends TICKET_KEYS where they have changed.
func (p *inProcess) tellTicketsLocked(c *credential, shown *tlsconfig.Shown) bool {
	if c.tickets != 0 && c.tickets == shown.TicketsVersion() {
		return true
	}
	keys, version := shown.Tickets()
	if p.channel.Send(&handover.TicketKeys{Credential: c.id, Keys: keys}) != nil {
		return false
	}
	c.tickets = version
	return true
}

// keep gives a key the number by which the worker asks for its signatures. No other worker has the same.
func (p *inProcess) keep(key *signingKey) uint64 {
	id := p.w.app.host.lastKey.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[id] = key
	return id
}

// replace notes which keys belong to certificates that are not shown any more, and drops those of which that was noted long ago.
func (p *inProcess) replace(old, keys map[string]uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for leaf, id := range old {
		if key := p.keys[id]; key != nil && keys[leaf] == 0 {
			key.replaced = time.Now()
		}
	}
	for id, key := range p.keys {
		if key.late() {
			delete(p.keys, id)
		}
	}
}

func (k *signingKey) late() bool { return !k.replaced.IsZero() && time.Since(k.replaced) > keyGrace }

// renewCredentials tells the worker, after a reload, which names are not its own any more, and which requests are on connections that it has.
func (p *inProcess) renewCredentials() {
	p.telling.Lock()
	defer p.telling.Unlock()
	for key, c := range p.credentials {
		t := key.front.table.Load()
		open := p.w.app.host.has(key.front)
		if open && t.own(c.at) == p.w.app {
			if s := key.front.security.Load(); c.table != t && s != nil {
				if shown := s.at(key.local).Shown(c.at.name); shown != nil && shown.Owner == p.w.app.site {
					p.tellLocked(key.front, c, t, shown)
				}
			}
			continue
		}
		var names []handover.Name
		if open {
			names = t.authorities(key.local, p.w.app.site)
		}
		delete(p.credentials, key)
		p.replace(c.keys, nil)
		_ = p.channel.Send(&handover.Credential{ID: c.id, Names: names, Ended: true}) // a worker that is gone is noticed elsewhere
	}
}

// has reports whether a front is one of the host's still.
func (h *Host) has(f *front) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fronts[f.key] == f
}
