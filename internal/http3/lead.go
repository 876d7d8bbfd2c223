package http3

import "github.com/lannerhq/lanner/internal/muxcommon"

// A connection has a leader: the goroutine that accepts its requests and runs the quick ones itself, one after the other. Their answers
// wait until no further request is there, so that they leave together: QUIC makes fewer packets, and system calls, of them. A handler that
// is about to wait, or takes long, loses the lead to another goroutine, and goes on alone.

// maxPending is how many answers wait for each other at most.
const maxPending = 32

// lead is the leader's goroutine.
func (c *Conn) lead() {
	defer c.wg.Done()
	c.handler.Busy()
	for {
		q, err := c.quic.TryAcceptStream()
		if err == ErrWouldBlock {
			c.flush()
			c.handler.Waits()
			q, err = c.quic.AcceptStream()
			c.handler.Busy()
		}
		if err != nil {
			c.flush()
			c.lost(err)
			c.handler.Waits()
			return
		}
		if !c.accept(q) {
			return
		}
		if len(c.pending) == maxPending {
			c.flush()
		}
	}
}

// newLeader lets another goroutine lead.
func (c *Conn) newLeader() {
	c.wg.Add(1)
	go c.lead()
}

// accept serves a stream, or rejects it when the connection ends. It reports whether its goroutine still leads.
func (c *Conn) accept(q BidiStream) bool {
	s := c.handler.NewStream()
	s.begin(c, q)
	s.turn, s.leads = (c.turn.Load()+2)|1, true
	c.mu.Lock()
	if c.final || c.gone != nil {
		c.mu.Unlock()
		s.abandon(RequestRejected) // RFC 9114 §5.2
		s.clear()
		c.handler.Recycle(s)
		return true
	}
	c.nextID = s.id + 4
	c.addLocked(s)
	c.inline = s
	c.mu.Unlock()
	c.turn.Store(s.turn)
	return s.runInline()
}

// runInline runs a request on the leader's goroutine, unless it is one for a goroutine of its own. It reports whether the goroutine still
// leads.
func (s *Stream) runInline() (still bool) {
	c, returned := s.conn, false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if v != nil {
			c.broken(v) // the owner recovers the application's
		}
		if c.endTurn(s) {
			c.newLeader()
		}
		if v == nil {
			s.abandoned()
		}
	}()
	served := s.readHead()
	if served && (!s.ended || s.r < s.w || c.handler.Elsewhere(s)) {
		still = c.endTurn(s)
		c.wg.Add(1)
		go s.serve()
		returned = true
		return still
	}
	if served {
		s.conclude(c.handler.Serve(s))
	}
	still = c.endTurn(s)
	switch {
	case !served:
		s.over()
	case !still:
		s.end()
	case s.assemble():
		c.pending = append(c.pending, s)
	default: // its answer is long
		c.wg.Add(1)
		go s.endElsewhere()
	}
	returned = true
	return still
}

// endTurn ends the time in which a stream has the leader's goroutine. It reports whether that goroutine leads still.
func (c *Conn) endTurn(s *Stream) bool {
	s.leads = false
	c.turn.CompareAndSwap(s.turn, s.turn+1) // unless the next leader has begun another
	c.mu.Lock()
	defer c.mu.Unlock()
	still := c.inline == s
	if still {
		c.inline = nil
	}
	return still
}

// goOn lets another goroutine lead, because the handler of s is about to wait.
func (s *Stream) goOn() {
	if s.leads && s.conn.endTurn(s) {
		s.conn.newLeader()
	}
}

// Turn is odd while a handler has the leader's goroutine, and another one for each.
func (c *Conn) Turn() uint64 { return c.turn.Load() }

// Seize lets another goroutine lead, because the handler of that turn takes long. It is for any goroutine.
func (c *Conn) Seize(turn uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if turn%2 == 0 || c.inline == nil || c.inline.turn != turn || c.gone != nil {
		return
	}
	c.inline = nil
	c.seized.Store(turn)
	c.newLeader()
}

// Seized reports whether the lead was taken from the stream's handler, since it took long.
func (s *Stream) Seized() bool { return s.turn != 0 && s.conn.seized.Load() == s.turn }

// flush sends the answers that wait. It is the leader's.
func (c *Conn) flush() {
	for i, s := range c.pending {
		c.pending[i] = nil
		if s.tryWrite() {
			s.end()
			continue
		}
		c.wg.Add(1)
		go s.endElsewhere()
	}
	c.pending = c.pending[:0]
}

// tryWrite writes the answer of a stream, if that does not have to wait.
func (s *Stream) tryWrite() bool {
	r := &s.res
	if s.Cause() != nil || len(r.out) == 0 {
		return true
	}
	err := s.q.TryWrite(r.out)
	if err == ErrWouldBlock {
		return false
	}
	if err != nil {
		r.Fail(s.failed(err))
	}
	r.out = muxcommon.SmallOrNone(r.out)
	return true
}

// end ends an exchange whose handler has returned.
func (s *Stream) end() {
	s.finish()
	s.res.Complete()
	s.over()
}

func (s *Stream) endElsewhere() {
	defer s.conn.wg.Done()
	s.end()
}

// serve is the goroutine of a request that has one of its own.
func (s *Stream) serve() {
	c, returned := s.conn, false
	defer c.wg.Done()
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			c.broken(v) // the owner recovers the application's
			return
		}
		s.abandoned()
	}()
	s.conclude(c.handler.Serve(s))
	s.end()
	returned = true
}
