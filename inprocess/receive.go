package inprocess

import (
	"net"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/internal/transport"
)

// origin is where a connection came from: the host (id), or a socket that the host shares (listen). The latter gets an id
// and a slot when the host gets a copy. Only the connection's goroutine uses it.
type origin struct {
	id     uint64
	listen uint32
	slot   uint32
	served bool
	ours   bool   // the host has decided that its requests are this application's
	visit  *visit // of a connection with TLS; nil otherwise
}

// receive takes the host's messages until the channel ends. It is the only caller of Channel.Receive.
func (s *Server) receive() {
	defer close(s.received)
	for {
		m, err := s.channel.Receive()
		if err != nil {
			s.hostGone()
			return
		}
		s.handle(m)
	}
}

// hostGone ends the worker: without its host nobody would replace, stop or limit it.
func (s *Server) hostGone() {
	s.mu.Lock()
	stopping := s.state == stateStopped
	s.mu.Unlock()
	if !stopping {
		s.log.Warn("the host is gone, the worker ends")
	}
	s.drain()
}

func (s *Server) handle(m handover.Message) {
	switch m := m.(type) {
	case *handover.Conn:
		s.takeConn(m)
	case *handover.Listen:
		s.listen(m)
	case *handover.Unlisten:
		s.unlisten(m.ID)
	case *handover.Config:
		if len(m.Routes) > 0 {
			s.own(newOwnership(m.Routes, m.ForeignPrefixes, m.ForeignHosts))
		}
	case *handover.Drain:
		s.stopAccepting()
		s.soon(s.drainAll)
	case *handover.Credential:
		s.learn(m)
	case *handover.TicketKeys:
		s.renewTickets(m)
	case *handover.SignResult:
		s.signer.answered(m)
	case *handover.Ping:
		s.status()
		s.send(&handover.Pong{Seq: m.Seq})
	default:
		handover.Discard(m)
	}
}

// takeConn serves a connection that the host accepted.
func (s *Server) takeConn(m *handover.Conn) {
	nc, err := m.Descriptor.Conn()
	if err != nil {
		s.log.Error("cannot take a connection over from the host", "error", err)
		s.send(&handover.Done{ID: m.ID})
		return
	}
	if m.Credential != 0 {
		s.secure(nc, m)
		return
	}
	opts := httpconn.Options{Prefix: m.Prefix, Tag: &origin{id: m.ID, slot: handover.NoSlot, ours: m.Client != nil}, Shared: true}
	s.describe(m.Client, &opts)
	if s.table != nil && m.Slot != handover.NoSlot {
		slot := s.table.Slot(m.Slot)
		slot.Set(handover.Reading)
		opts.OnState = func(_ transport.Link, state httpconn.State) { slot.Set(tableStates[state]) }
	}
	s.send(&handover.Accepted{ID: m.ID})
	s.manager.Serve(nc, s.endpoint(m.LocalScheme), opts)
}

// tableStates translates the states of a connection into those of the status table.
var tableStates = [...]handover.State{
	httpconn.Idle:       handover.Idle,
	httpconn.Reading:    handover.Reading,
	httpconn.Running:    handover.Running,
	httpconn.Responding: handover.Responding,
	httpconn.Upgraded:   handover.Upgraded,
}

func (s *Server) endpoint(scheme string) *httpconn.Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	ep := s.endpoints[scheme]
	if ep == nil {
		ep = &httpconn.Endpoint{Name: scheme, Scheme: scheme}
		s.endpoints[scheme] = ep
	}
	return ep
}

// listen accepts from a socket that the host shares.
func (s *Server) listen(m *handover.Listen) {
	l, err := m.Descriptor.Listener()
	if err != nil {
		s.log.Error("cannot listen on the socket of the host", "address", m.Address, "error", err)
		return
	}
	endpoint := s.endpoint(m.Scheme)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateStopped {
		l.Close()
		return
	}
	s.closers[m.ID] = s.manager.Listen(l, endpoint, func() httpconn.Options { return s.accepted(m.ID) })
}

// accepted says how a connection from a shared socket is served.
func (s *Server) accepted(listen uint32) httpconn.Options {
	from := &origin{listen: listen, slot: handover.NoSlot}
	opts := httpconn.Options{Tag: from}
	if s.table != nil {
		opts.Shared = true
		opts.OnState = func(link transport.Link, state httpconn.State) { s.follow(from, link, state) }
	}
	return opts
}

// follow notes the state of a connection that this worker accepted. Once such a connection has answered a request and is
// kept alive, the host gets a copy: from then on it survives this worker. A connection for one request never pays for it.
func (s *Server) follow(from *origin, link transport.Link, state httpconn.State) {
	switch {
	case from.slot != handover.NoSlot:
		s.table.Slot(from.slot).Set(tableStates[state])
	case state == httpconn.Running:
		from.served = true
	case state == httpconn.Idle && from.served && from.id == 0:
		s.register(from, link)
	}
}

func (s *Server) register(from *origin, link transport.Link) {
	slot, ok := s.table.Alloc()
	if !ok {
		return // the table is full: the connection lives and dies with this worker
	}
	d, err := handover.Borrow(link)
	if err != nil {
		s.table.Free(slot)
		return
	}
	from.id, from.slot = handover.LocalID|s.lastLocal.Add(1), slot
	s.table.Slot(slot).Set(handover.Idle)
	s.send(&handover.Register{LocalID: from.id, Slot: slot, ListenID: from.listen, Descriptor: d})
}

func (s *Server) unlisten(id uint32) {
	s.mu.Lock()
	stop := s.closers[id]
	delete(s.closers, id)
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// released gives a connection back: its next request is another application's, or this worker ends.
func (s *Server) released(nc net.Conn, unread []byte, tag any) {
	defer nc.Close()
	from := tag.(*origin)
	d, err := handover.Borrow(nc)
	if err != nil {
		s.log.Error("cannot give a connection back to the host", "error", err)
		return
	}
	s.freeSlot(from)
	s.send(&handover.Return{ID: from.id, ListenID: from.listen, Unread: unread, Descriptor: d})
}

// ended tells the host to close its copy.
func (s *Server) ended(tag any, requests uint32) {
	from := tag.(*origin)
	from.visit.used()
	s.freeSlot(from)
	if from.id != 0 {
		s.send(&handover.Done{ID: from.id, Requests: requests})
	}
}

// freeSlot gives back a slot that this worker took. It is not written to any more.
func (s *Server) freeSlot(from *origin) {
	if from.slot != handover.NoSlot && s.table != nil {
		s.table.Free(from.slot)
		from.slot = handover.NoSlot
	}
}

func (s *Server) status() {
	stats := s.manager.Stats()
	s.send(&handover.Status{Active: stats.Open + stats.Upgraded, Running: stats.Running, Requests: uint64(stats.Requests)})
}

// send logs nothing: a channel that has ended is noticed, and said, by receive.
func (s *Server) send(m handover.Message) { _ = s.channel.Send(m) }
