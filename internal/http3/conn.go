package http3

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Conn is one connection. Run serves it; Drain, Lose and Tick are for any goroutine.
type Conn struct {
	cfg     *Config
	quic    Connection
	handler Handler
	control SendStream // ours; written by whoever holds controlMu
	peer    peer       // what the client's unidirectional streams have said
	wg      sync.WaitGroup
	now     atomic.Int64 // the coarse time of the last tick
	turn    atomic.Uint64
	seized  atomic.Uint64 // the turn of the last handler from which the lead was taken
	pending []*Stream     // whose answers wait; the leader's
	taken   atomic.Int64  // bytes of answers that went since the last tick
	took    Counter       // adds to them

	controlMu sync.Mutex
	wentAway  uint64 // the id of the last GOAWAY; guarded by controlMu

	// mu guards what follows.
	mu        sync.Mutex
	inline    *Stream // what the leader's goroutine is at; nil while that accepts
	first     *Stream // of those that are open, in no order
	active    int
	nextID    uint64 // beyond the last stream that is served
	draining  bool   // the first GOAWAY is out
	final     bool   // the second
	drained   int    // ticks since the first
	gone      error  // why the connection is over
	failing   bool   // it is about to be, because of its client
	idleSince int64  // when the last stream ended
	moved     int64  // when the client has last taken answers at the least rate, or few waited
	budgets   budgets
	linger    *time.Timer
	upcoming  struct { // the last PRIORITY_UPDATE ahead of its stream
		stream   uint64
		set      bool
		priority httpcommon.Priority
	}
}

// NewConn returns a connection over quic. now is the owner's coarse time, in nanoseconds.
func NewConn(cfg *Config, quic Connection, handler Handler, now int64) *Conn {
	c := &Conn{cfg: cfg, quic: quic, handler: handler, idleSince: now, wentAway: maxRequestID + 1}
	c.now.Store(now)
	c.took = func(n int) int {
		c.taken.Add(int64(n))
		return n
	}
	return c
}

// Run serves the connection to its end, and waits for its handlers. It returns why it is over.
func (c *Conn) Run() error {
	if err := c.greet(); err != nil {
		c.lost(err)
		c.wg.Wait()
		return err
	}
	c.newLeader()
	c.acceptUni()
	c.wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.linger != nil {
		c.linger.Stop()
	}
	return c.gone
}

// greet opens the control stream with our SETTINGS (RFC 9114 §6.2.1). There is no dynamic table: its settings are 0 by default.
func (c *Conn) greet() error {
	control, err := c.quic.OpenUniStream()
	if err != nil {
		return err
	}
	var payload [32]byte
	settings := appendVarint(payload[:0], settingMaxFieldSection)
	settings = appendVarint(settings, uint64(c.cfg.Limits.MaxRequestHeadersTotalSize))
	settings = appendVarint(appendVarint(settings, settingConnectProtocol), 1)
	b := appendVarint(nil, streamControl)
	b = append(appendFrameHead(b, frameSettings, uint64(len(settings))), settings...)
	if _, err := control.Write(b); err != nil {
		return err
	}
	c.controlMu.Lock()
	c.control = control
	c.controlMu.Unlock()
	return nil
}

func (c *Conn) addLocked(s *Stream) {
	c.active++
	s.since = c.now.Load()
	s.next = c.first
	if s.next != nil {
		s.next.prev = s
	}
	c.first = s
	if c.upcoming.set && c.upcoming.stream == s.id {
		s.priority, s.prioritized = c.upcoming.priority, true
		c.upcoming.set = false
	}
}

// removeLocked takes a stream out whose goroutine is done with it.
func (c *Conn) removeLocked(s *Stream) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		c.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
	if c.active--; c.active == 0 {
		c.idleSince = c.now.Load()
	}
}

// fail ends the connection because of what its client did.
func (c *Conn) fail(e *ConnectionError) {
	c.mu.Lock()
	first := c.gone == nil && !c.failing
	c.failing = true
	c.mu.Unlock()
	if !first {
		return
	}
	c.handler.ConnectionFailed(e)
	c.lost(e)
	c.quic.Close(e.Code, e.Detail)
}
