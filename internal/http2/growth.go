package http2

import (
	"bytes"
	"time"
)

// growth is the size of a receive window, and whether it should be larger: it is too small when handlers read, in the time of a round trip, a
// third of it or more. Then it, and not the network or the handler, may be what the client waits for: it is refilled by halves, so that half
// of it is what a client may be given in a round trip, and the clocks are not exact. Only content that a handler has read counts: neither what waits nor what was dropped, nor padding. Conn.mu guards it.
type growth struct {
	size int64     // what the client may have on its way and unread, in bytes
	read int64     // content that handlers have read since then
	then time.Time // when the measurement began; zero: it has not
}

// by says how much the window grows, at most to limit: nothing, as a rule, or to double its size. It is asked when the window is refilled.
func (g *growth) by(now time.Time, rtt time.Duration, limit int64) (more int64) {
	elapsed := now.Sub(g.then)
	switch {
	case g.then.IsZero():
	case rtt == 0 || elapsed < rtt: // what a burst brings says nothing yet
		return 0
	case 3*float64(g.read)*float64(rtt) >= float64(g.size)*float64(elapsed):
		more = min(g.size, limit-g.size)
		g.size += more
	}
	g.read, g.then = 0, now
	return more
}

// refillStreamLocked returns what the client is given when a stream's window is refilled.
func (c *Conn) refillStreamLocked(s *Stream) int64 {
	more := s.consumed
	if limit := c.streamLimitLocked(); s.growth.size < limit {
		now := time.Now()
		more += s.growth.by(now, c.trip.least, limit)
		c.probeLocked(now)
	}
	s.consumed = 0
	return more
}

// streamLimitLocked leaves others a quarter of the connection's window when a handler stops to read.
func (c *Conn) streamLimitLocked() int64 {
	return min(int64(c.cfg.Limits.MaxStreamWindow), c.growth.size/4*3)
}

// refillConnLocked is the same for the connection.
func (c *Conn) refillConnLocked() int64 {
	more := c.consumed
	if limit := int64(c.cfg.Limits.MaxConnectionWindow); c.growth.size < limit {
		now := time.Now()
		more += c.growth.by(now, c.trip.least, limit)
		c.probeLocked(now)
	}
	c.consumed = 0
	return more
}

// trip is what is known of the time of a round trip: by PINGs that are sent when the window of a large body is refilled and may have to grow, one at a
// time and not more than one in probeInterval. The answer may have to wait behind content that the client's system holds; so the least
// time counts. Conn.mu guards it.
type trip struct {
	least time.Duration // 0: not known
	asked time.Time     // when the last PING was sent
	waits bool          // for its answer
}

const (
	// probeInterval is far above what any client takes for a flood: gRPC's servers, which are the strictest, count strikes of clients
	// alone, and those that bound PINGs bound many of them in a second.
	probeInterval = time.Second
	// maxTrip is the longest that is believed. A client that answers late would have the windows of slow readers grow.
	maxTrip = time.Second
)

var (
	keepAlivePing = []byte("lanner\x00\x01")
	probePing     = []byte("lanner\x00\x02")
)

// probeLocked measures the round trip.
func (c *Conn) probeLocked(now time.Time) {
	t := &c.trip
	if t.waits || !t.asked.IsZero() && now.Sub(t.asked) < probeInterval || c.gone != nil || c.final {
		return
	}
	t.asked, t.waits = now, true
	c.outLocked()
	c.out = append(appendFrameHead(c.out, 8, framePing, 0, 0), probePing...)
}

// probedLocked takes the answer to a PING.
func (c *Conn) probedLocked(p []byte) {
	t := &c.trip
	if !t.waits || !bytes.Equal(p, probePing) {
		return
	}
	t.waits = false
	took := min(max(time.Since(t.asked), 1), maxTrip)
	if t.least == 0 || took < t.least {
		t.least = took
	}
}
