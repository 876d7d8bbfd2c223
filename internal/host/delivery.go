package host

import (
	"net"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
)

// delivery is a connection on its way to an in-process worker.
type delivery struct {
	front   *front
	conn    net.Conn             // or
	copy    *handover.Descriptor // a copy that was kept of it
	prefix  []byte
	app     *application
	arrival time.Time
	client  *handover.Client // of a link; nil for a client's own connection
	sni     *sni             // where the handshake is to come; nil elsewhere
}

// deliver hands a connection to a worker of its application, now or when there is one.
func (h *Host) deliver(d *delivery) {
	w, no := d.app.tryAcquire()
	if no == nil && (w == nil || !d.to(w)) {
		if h.waiting.Go(func() { h.deliverLater(d, w) }) {
			return
		}
		no = &answer{status: 503, title: "Service Unavailable", retryAfter: time.Second}
	}
	if no != nil {
		d.serve(no)
	}
}

// deliverLater waits for a worker. refused is one that has just not taken the connection, or nil.
func (h *Host) deliverLater(d *delivery, refused *worker) {
	for range maxTries {
		if refused != nil && d.app.believesReady(refused) { // it is dead, and nobody has noticed
			refused.awaitEnd()
		}
		w, no := d.app.acquire(h.ctx)
		if no != nil {
			d.serve(no)
			return
		}
		if d.to(w) {
			return
		}
		refused = w
	}
	d.serve(&answer{status: 503, title: "Service Unavailable", retryAfter: time.Second})
}

// to hands the connection to a worker that was acquired for it. It reports false when that has just gone.
func (d *delivery) to(w *worker) bool {
	if w.inproc == nil { // a reload made the application out-of-process
		w.release()
		d.serve(nil)
		return true
	}
	ok := w.inproc.hand(d)
	w.active.Add(-1) // the worker tells its own number of running requests
	return ok
}

// serve puts the connection under the host's engine: to be answered, or routed again.
func (d *delivery) serve(forced *answer) {
	nc := d.conn
	if nc == nil {
		var err error
		if nc, err = d.copy.Conn(); err != nil {
			return
		}
	}
	if d.client != nil {
		d.serveLink(nc, forced)
		return
	}
	d.front.serve(nc, d.prefix, forced)
}

// detach makes the connection one that can be handed over. It reports false when it is lost.
func (d *delivery) detach() bool {
	if d.copy != nil {
		return true
	}
	c, err := handover.Detach(d.conn)
	if err != nil {
		d.conn.Close()
		return false
	}
	d.conn, d.copy = nil, c
	return true
}

// hand sends the connection to the worker and keeps a copy. It reports false when the worker takes none.
func (p *inProcess) hand(d *delivery) bool {
	if d.client != nil && p.version.Minor < 1 {
		d.serve(&answer{status: 502, sub: "502.3", title: "Bad Gateway",
			detail: "the application was built with a version of Lanner that cannot be behind https in-process: build it again, or host it out-of-process"})
		return true
	}
	if !d.detach() {
		return true
	}
	c := &handed{front: d.front, copy: d.copy, prefix: d.prefix, slot: handover.NoSlot, arrival: d.arrival, client: d.client}
	return p.send(c, &handover.Conn{LocalScheme: d.front.scheme, Arrival: d.arrival, Prefix: d.prefix, Descriptor: c.copy, Client: d.client})
}

// send numbers a connection, keeps it, and sends it. It reports false when the worker takes none.
func (p *inProcess) send(c *handed, m *handover.Conn) bool {
	id := p.nextID.Add(1)
	p.mu.Lock()
	if p.gone {
		p.mu.Unlock()
		return false
	}
	if c.sni == nil {
		if slot, ok := p.table.Alloc(); ok {
			c.slot = slot
		}
	}
	p.handed[id] = c
	p.mu.Unlock()
	m.ID, m.Slot = id, c.slot
	if p.channel.Send(m) == nil {
		return true
	}
	p.mu.Lock()
	_, mine := p.handed[id]
	delete(p.handed, id)
	p.freeLocked(c)
	p.mu.Unlock()
	return !mine // finish has already taken care of it
}

// freeLocked gives the slot back. After finish there is no table.
func (p *inProcess) freeLocked(c *handed) {
	if c.slot != handover.NoSlot && !c.local() {
		p.table.Free(c.slot)
	}
	c.slot = handover.NoSlot
}

// local says that the worker chose the slot, and frees it.
func (c *handed) local() bool { return c.arrival.IsZero() }

func (p *inProcess) accepted(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.handed[id]
	switch {
	case c == nil:
	case c.sni != nil: // what its handshake comes to is in the worker alone: there is nothing to save
		delete(p.handed, id)
		c.copy.Close()
	default:
		c.accepted, c.prefix = true, nil
	}
}

// connectionEnded closes the copy of a connection that the worker is through with.
func (p *inProcess) connectionEnded(id uint64, requests uint32) {
	if c := p.take(id); c != nil {
		c.copy.Close()
	}
	if requests > 0 {
		p.w.app.touch()
	}
}

func (p *inProcess) take(id uint64) *handed {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.handed[id]
	if c != nil {
		delete(p.handed, id)
		p.freeLocked(c)
	}
	return c
}

// returned serves a connection that the worker gave back.
func (p *inProcess) returned(m *handover.Return) {
	var f *front
	if c := p.take(m.ID); c != nil {
		if c.client != nil { // its requests are this application's, whoever has it
			handover.Discard(m)
			d := &delivery{front: c.front, copy: c.copy, prefix: m.Unread, app: p.w.app, arrival: time.Now(), client: c.client}
			if len(m.Unread) > 0 {
				p.w.app.host.deliver(d)
			} else {
				d.serve(nil)
			}
			return
		}
		f = c.front
		c.copy.Close()
	} else if s := p.w.app.host.socket(m.ListenID); s != nil {
		f = s.front
	}
	if f == nil {
		handover.Discard(m)
		return
	}
	nc, err := m.Descriptor.Conn()
	if err != nil {
		p.w.app.log.Error("cannot take a connection back from the worker", "worker", p.w.id, "error", err)
		return
	}
	f.serve(nc, m.Unread, nil)
}

// maxRegistered bounds the descriptors that a worker can make the host keep.
const maxRegistered = 8192

// register keeps a copy of a connection that the worker accepted itself.
func (p *inProcess) register(m *handover.Register) {
	s := p.w.app.host.socket(m.ListenID)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == nil || p.gone || len(p.handed) >= maxRegistered || p.handed[m.LocalID] != nil {
		handover.Discard(m)
		return
	}
	p.handed[m.LocalID] = &handed{front: s.front, slot: m.Slot, copy: m.Descriptor, accepted: true}
}

// rescue decides about a connection of a worker that is dead, by what the worker noted last.
func (p *inProcess) rescue(c *handed) {
	d := &delivery{front: c.front, copy: c.copy, prefix: c.prefix, app: p.w.app, arrival: time.Now(), client: c.client}
	switch {
	case c.sni != nil:
		d.sni = c.sni
		p.w.app.host.deliverTLS(d)
	case !c.accepted: // nobody has begun with it
		p.w.app.host.deliver(d)
	case c.slot == handover.NoSlot:
		c.copy.Close()
	default:
		switch p.table.Slot(c.slot).Get() {
		case handover.Idle:
			d.serve(nil)
		case handover.Running:
			p.answerGone(c)
		default:
			c.copy.Close()
		}
	}
}

// answerGone answers 502 to a request of which the worker has sent nothing.
func (p *inProcess) answerGone(c *handed) {
	nc, err := c.copy.Conn()
	if err != nil {
		return
	}
	no := &answer{status: 502, sub: "502.3", title: "Bad Gateway", detail: "the worker ended while it worked on this request"}
	h := p.w.app.host
	if !h.waiting.Go(func() { answerRaw(nc, no) }) {
		nc.Close()
	}
}

// answerRaw writes an answer on a connection that no engine has, and lets the client read it.
func answerRaw(nc net.Conn, no *answer) {
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := nc.Write(no.raw()); err != nil {
		return
	}
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	buf := make([]byte, 4096)
	for {
		if _, err := nc.Read(buf); err != nil {
			return
		}
	}
}
