package http3

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// meter measures how fast a client sends the body of a request and takes the answer. The stream's goroutines set it, the tick looks.
type meter struct {
	unmetered atomic.Bool
	reading   atomic.Bool  // somebody waits for the body
	late      atomic.Bool  // it came too slowly
	writeBy   atomic.Int64 // when a write must be done, 0 for none or no limit

	was   bool  // reading at the last tick; this and the rest are the tick's
	spent int64 // how long it was waited, in nanoseconds
}

func (m *meter) clear() {
	m.unmetered.Store(false)
	m.reading.Store(false)
	m.late.Store(false)
	m.writeBy.Store(0)
	m.was, m.spent = false, 0
}

// century in seconds keeps a rate that is as small as one likes within bounds.
const century = 100 * 365 * 24 * 3600

// writing begins to hold n bytes against the least rate, wrote ends it.
func (s *Stream) writing(n int) {
	rate := s.conn.cfg.ResponseRate
	if rate == nil {
		return
	}
	need := int64(math.Min(float64(n)/rate.BytesPerSecond, century) * float64(time.Second))
	s.meter.writeBy.Store(s.conn.now.Load() + int64(time.Second) + max(int64(rate.Grace), need)) // a tick may be about to come
}

func (s *Stream) wrote() {
	if s.conn.cfg.ResponseRate != nil {
		s.meter.writeBy.Store(0)
	}
}

// tick ends what is late. A late reader hears of it, and the request can be answered 408, as on HTTP/1.1; who takes the response too
// slowly is reset. A tick counts for a second at most, so that a stalled process does not blame its clients.
func (s *Stream) tick(now int64, elapsed time.Duration) {
	m, cfg := &s.meter, s.conn.cfg
	if s.heading.Load() {
		if l := cfg.Limits.RequestHeadersTimeout; l > 0 && now-s.since > int64(l)+int64(time.Second) {
			s.lateRead()
		}
		return
	}
	if by := m.writeBy.Load(); by != 0 && now > by {
		s.Abort(InternalError, httpcommon.ErrResponseTooSlow)
		return
	}
	reading := m.reading.Load()
	counts := reading || m.was
	m.was = reading
	rate := cfg.RequestRate
	if rate == nil || !counts || m.unmetered.Load() {
		return
	}
	m.spent += int64(min(elapsed, time.Second))
	if m.spent > int64(rate.Grace) && float64(s.received.Load())/time.Duration(m.spent).Seconds() < rate.BytesPerSecond {
		s.lateRead()
	}
}

// stalledLocked reports whether the client asks for many answers and takes none. waiting is how many wait.
func (c *Conn) stalledLocked(now int64, waiting int) bool {
	taken, rate := c.taken.Swap(0), c.cfg.ResponseRate
	if rate == nil || waiting <= muxcommon.MaxStalled || float64(taken) >= rate.BytesPerSecond {
		c.moved = now
		return false
	}
	return now-c.moved > int64(muxcommon.StallTime+time.Second/2) // the eleventh tick: they may have begun to wait just before the first
}

// lateRead ends the wait for a client that is too slow.
func (s *Stream) lateRead() {
	s.meter.late.Store(true)
	_ = s.q.SetReadDeadline(time.Unix(1, 0))
}
