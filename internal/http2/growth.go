package http2

import (
	"bytes"
	"time"
)

// growth is the size of a receive window, and whether it should be larger: it is too small when handlers read, in the time of a round trip, a
// third of it or more. Then it, and not the network or the handler, may be what the client waits for: it is refilled by halves, so that half
// of it is what a client may be given in a round trip, and the clocks are not exact. Only content that a handler has read counts: neither what
// waits nor what was dropped, nor padding. Conn.mu guards it.
type growth struct {
	size int64     // what the client may have on its way and unread, in bytes
	read int64     // content that handlers have read since then
	then time.Time // when the measurement began; zero: it has not
}

// grow doubles the window, at most to limit, if it is too small, and returns by how much it has grown. It is called when the window is refilled.
func (g *growth) grow(now time.Time, rtt time.Duration, limit int64) (more int64) {
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

// refillWindowLocked returns what the client is given when a window is refilled of which that much was taken.
func (c *Conn) refillWindowLocked(g *growth, taken, limit int64) int64 {
	if g.size >= limit {
		return taken
	}
	now := time.Now()
	c.probeLocked(now)
	return taken + g.grow(now, c.trip.least, limit)
}

// streamLimitLocked leaves others a quarter of the connection's window when a handler stops to read.
func (c *Conn) streamLimitLocked() int64 {
	return min(int64(c.cfg.Limits.MaxStreamWindow), c.growth.size/4*3)
}

// trip is what is known of the time of a round trip: by PINGs that are sent when the window of a large body is refilled and may have to
// grow, one at a time and not more than one in probeInterval. The answer may have to wait behind content that the client's system holds; so
// the least time counts. Conn.mu guards it.
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
