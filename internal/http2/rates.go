package http2

import (
	"math"
	"time"

	"github.com/lannerhq/lanner/internal/muxcommon"
)

// Rate is a least data rate.
type Rate = muxcommon.Rate

// Measured is a data rate below the least.
type Measured struct {
	// Bytes of all requests' bodies came in the time Over that handlers waited for them; or bytes went over the wire in that time, while
	// answers waited.
	Bytes int64
	Over  time.Duration
	Least Rate
}

// Measured is what was measured of a client that was too slow; nil when that is not why the connection ends. It is safe to call from any
// goroutine.
func (c *Conn) Measured() *Measured {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.measured
}

// meter measures how fast a client sends the bodies of its requests and takes the answers. The streams of a connection share it, since
// they share the client's attention. It is looked at once a second; mu guards it.
type meter struct {
	uploads int   // streams whose request has not ended
	waiting int   // of them, those whose handlers wait for data
	waited  bool  // there were some at the last tick
	bytes   int64 // of bodies that have come, since there were no uploads
	spent   int64 // and how long handlers have waited for them, in nanoseconds

	writes  int   // answers, or parts of the output, that wait for the client
	writeBy int64 // when all of them must be taken; 0 for no limit
	taken   int64 // bytes of answers that went since the last tick
	moved   int64 // when the least rate was last met, or nothing waited
	since   int64 // when something began to wait
	went    int64 // bytes that the wire has taken since, of all frames
	before  int64 // of them, until moved
}

// uploadLocked counts a request that has not ended.
func (c *Conn) uploadLocked(s *Stream) {
	s.uploading = true
	if c.meter.uploads++; c.meter.uploads == 1 {
		c.meter.bytes, c.meter.spent, c.meter.waited = 0, 0, false
	}
}

func (c *Conn) uploadedLocked(s *Stream) {
	if s.uploading {
		s.uploading = false
		c.meter.uploads--
	}
}

// Unmeter takes the request out of the measurement of its body.
func (s *Stream) Unmeter() { s.unmetered = true }

// writingLocked begins to hold n bytes that wait against the least rate. What others need is added to their time, but not the grace
// period: many small answers would be given as long as one likes.
func (c *Conn) writingLocked(n int64) {
	m, rate := &c.meter, c.cfg.ResponseRate
	if m.writes++; m.writes == 1 {
		m.moved, m.since, m.went, m.before = c.now, c.now, 0, 0
	}
	if rate == nil {
		return
	}
	need := int64(min(float64(n)/rate.BytesPerSecond, century) * float64(time.Second))
	alone := c.now + int64(time.Second) + max(int64(rate.Grace), need) // a tick may be about to come
	m.writeBy = max(alone, m.writeBy+min(need, math.MaxInt64-m.writeBy))
}

// A client that asks for many answers and takes none, or next to none, holds memory for nothing. By the least rate alone it could for hours,
// since the times of its answers add up. A few may wait: a browser pauses a video like that.
const (
	maxStalled = 16
	stallTime  = 10 * time.Second
)

// century in seconds keeps a rate that is as small as one likes within bounds.
const century = 100 * 365 * 24 * 3600

func (c *Conn) wroteLocked() {
	if c.meter.writes--; c.meter.writes == 0 {
		c.meter.writeBy = 0
	}
}

// tooSlowLocked says whether the client is too slow. A tick counts for a second at most, so that a stalled process does not blame its
// clients; while the window of the connection is used up, it is the server that is slow.
func (c *Conn) tooSlowLocked(elapsed time.Duration) *ConnectionError {
	m := &c.meter
	if m.writeBy != 0 && c.now > m.writeBy {
		c.measured = &Measured{m.went, time.Duration(c.now - m.since), *c.cfg.ResponseRate}
		return errResponseTimeout
	}
	if least := c.cfg.ResponseRate; least != nil {
		if float64(m.taken) >= least.BytesPerSecond {
			m.moved, m.before = c.now, m.went
		}
		m.taken = 0
		if m.writes > maxStalled && c.now-m.moved > int64(stallTime) {
			c.measured = &Measured{m.went - m.before, time.Duration(c.now - m.moved), *least}
			return errStalled
		}
	}
	rate := c.cfg.RequestRate
	counts := m.waiting > 0 || m.waited
	m.waited = m.waiting > 0
	if rate == nil || !counts || c.recvWindow <= 0 {
		return nil
	}
	m.spent += int64(min(elapsed, time.Second))
	if m.spent <= int64(rate.Grace) || float64(m.bytes)/time.Duration(m.spent).Seconds() >= rate.BytesPerSecond {
		return nil
	}
	c.measured = &Measured{m.bytes, time.Duration(m.spent), *rate}
	return errBodyTimeout
}
