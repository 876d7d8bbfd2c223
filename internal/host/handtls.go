package host

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/clienthello"
	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/internal/route"
)

// A client of an https front that asks for a name which is an in-process application's own gets to its worker before the handshake: the worker
// ends TLS, by a key that stays here. DESIGN.md has the rules, under "Handing TLS over by SNI".

// sni is what a client's handshake is for.
type sni struct {
	local string // the address that the client connected to
	name  string // the host name that it asks for
}

const (
	maxPeeking = 4096     // connections of a front; more are served by the engine, which waits without a goroutine
	maxHello   = 16 << 10 // bytes; one that is larger is the engine's
	// acmeProtocol is what an authority offers that validates a name (RFC 8737): that is the host's affair.
	acmeProtocol = "acme-tls/1"
)

// own reports whether all requests for the names of the binding are one application's.
func (e *tableEntry) own() bool {
	return e.host != "" && !e.asksClients() && len(e.site.apps) == 1 && e.site.apps[0].path == "/"
}

func (e *tableEntry) asksClients() bool {
	return e.client.Mode == config.ClientCertificateOptional || e.client.Mode == config.ClientCertificateRequired
}

// own returns the application that owns every request which can come for a name; nil when there is none.
func (t *table) own(at sni) *application {
	if at.name == "" {
		return nil
	}
	if e := t.entry(at.local, at.name); e != nil && e.own() {
		return e.site.apps[0]
	}
	return nil
}

// reaches reports whether the binding of a name is that of an application's site still, and asks clients for nothing.
func (t *table) reaches(at sni, app *application) bool {
	e := t.entry(at.local, at.name)
	return e != nil && e.host != "" && !e.asksClients() && slices.Contains(e.site.apps, app)
}

// handsTLSOver reports whether there are names whose connections may be handed over.
func (t *table) handsTLSOver() bool { return slices.ContainsFunc(t.owners, (*application).inProcess) }

// authorities are the names that decide, as entry does, whether a request on a connection of a site is the site's. Those that can decide
// nothing are left out.
func (t *table) authorities(local, site string) (out []handover.Name) {
	for i := range t.entries {
		e := &t.entries[i]
		if e.addr != "" && e.addr != local {
			continue
		}
		own := e.site.name == site && !e.asksClients()
		if own || slices.ContainsFunc(t.entries[i+1:], func(later tableEntry) bool { return later.site.name == site && overlap(e.host, later.host) }) {
			out = append(out, handover.Name{Host: e.host, Own: own})
		}
	}
	return out
}

// overlap reports whether a pattern can match a name that another matches, too.
func overlap(a, b string) bool {
	return route.MatchHost(a, b) || route.MatchHost(b, a) || below(a, b) || below(b, a)
}

// below reports whether all names that a wildcard matches are matched by another.
func below(a, b string) bool {
	return len(a) > 1 && len(b) > 1 && a[0] == '*' && b[0] == '*' && route.MatchHost(b, "x"+a[1:])
}

// peeks are the connections of a front whose ClientHello is awaited. The zero value has none.
type peeks struct {
	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
	wg     sync.WaitGroup
}

// Go runs see on a goroutine, until Close makes its reads fail. It reports false when there are too many.
func (p *peeks) Go(nc net.Conn, see func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.conns) >= maxPeeking {
		return false
	}
	if p.conns == nil {
		p.conns = make(map[net.Conn]struct{})
	}
	p.conns[nc] = struct{}{}
	nc.SetReadDeadline(time.Now().Add(httpconn.DefaultHandshakeTimeout))
	p.wg.Go(see)
	return true
}

// done takes a connection out. It reports false when Close was there before: then it is to be closed.
func (p *peeks) done(nc net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, nc)
	nc.SetReadDeadline(time.Time{})
	return !p.closed
}

// Close ends the waiting, and waits for that.
func (p *peeks) Close() {
	p.mu.Lock()
	p.closed = true
	for nc := range p.conns {
		nc.SetReadDeadline(time.Unix(1, 0))
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// peeked finds out what a connection is for, and gives it to whom it belongs.
func (f *front) peeked(nc net.Conn) {
	hello, err := peekHello(nc)
	if !f.peeks.done(nc) || err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.EOF)) {
		nc.Close() // nothing was begun
		return
	}
	at := sni{localIP(nc), hello.ServerName}
	if err != nil || f.table.Load().own(at) == nil || slices.Contains(hello.Protocols, acmeProtocol) {
		f.serve(nc, nil, nil) // the engine finds the same bytes, and says what is wrong with them
		return
	}
	f.host.deliverTLS(&delivery{front: f, conn: nc, arrival: time.Now(), sni: &at})
}

// peekHello waits for a ClientHello and leaves it unread.
func peekHello(nc net.Conn) (hello clienthello.Hello, err error) {
	buf := hellos.Get().(*[maxHello]byte)
	defer hellos.Put(buf)
	perr := peek(nc, buf[:], func(b []byte) bool {
		hello, err = clienthello.Parse(b)
		return len(b) == len(buf) || !errors.Is(err, clienthello.ErrShort)
	})
	hello.Message = nil // it lies in buf
	if perr != nil {
		return hello, perr
	}
	return hello, err
}

var hellos = sync.Pool{New: func() any { return new([maxHello]byte) }}

// deliverTLS hands a connection over whose handshake is to come, if a worker is ready; else the host ends its TLS, and its requests wait for a worker.
func (h *Host) deliverTLS(d *delivery) {
	app := d.front.table.Load().own(*d.sni)
	if app != nil && app.inProcess() && !app.answersItself() {
		if w, _ := app.tryAcquire(); w != nil {
			ok := w.inproc != nil && w.inproc.handTLS(d)
			w.active.Add(-1) // the worker tells its own number of running requests
			if ok {
				return
			}
		}
	}
	d.serve(nil)
}

// handTLS is hand for such a connection. It reports false when it is to be served otherwise.
func (p *inProcess) handTLS(d *delivery) bool {
	if p.version.Minor < 2 {
		return false
	}
	p.telling.Lock()
	defer p.telling.Unlock()
	id := p.credentialLocked(d.front, *d.sni)
	if id == 0 {
		return false
	}
	if !d.detach() {
		return true
	}
	c := &handed{front: d.front, copy: d.copy, slot: handover.NoSlot, arrival: d.arrival, sni: d.sni}
	return p.send(c, &handover.Conn{LocalScheme: d.front.scheme, Arrival: d.arrival, Descriptor: c.copy, Credential: id})
}
