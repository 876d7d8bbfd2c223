package transport

import (
	"sync/atomic"
	"time"
)

// Rate is a least average speed after a grace period. Zero BytesPerSecond means none.
type Rate struct {
	BytesPerSecond float64
	Grace          time.Duration
}

// timeouts is one connection's deadline and data rates. The connection's goroutine arms, the heartbeat checks; they share
// atomics only.
type timeouts struct {
	// deadline is the armed one as nanoseconds on the heartbeat's clock, times 16, plus the reason; or, when it has
	// passed, the reason alone, which nothing replaces any more but a write that is too slow; or 0.
	deadline atomic.Int64

	least atomic.Pointer[Rates] // nil when there are none

	// writeBy is when the writes under way must be done; 0 when there is none.
	writeBy atomic.Int64
	writes  atomic.Int32

	// reading says that a body is being read, body how long and how much, since the last SetTimeout; nil until one was.
	reading atomic.Bool
	body    atomic.Pointer[bodyRead]

	slow atomic.Pointer[Measure] // of the read or write that was too slow; nil when none was
}

// Rates are the least data rates of a connection; nil is none. They are shared by connections and must not change.
type Rates struct{ Read, Write *Rate }

// bodyRead measures the reading of a body. The lower three are the heartbeat's alone.
type bodyRead struct {
	bytes      atomic.Int64
	epoch      atomic.Int64
	spent      int64
	seen       int64
	wasReading bool // at the last beat
}

// rates returns the least rates, never nil.
func (t *timeouts) rates() *Rates {
	if r := t.least.Load(); r != nil {
		return r
	}
	return &noRates
}

var noRates Rates

// bodyRead says that a read of a body begins, or has ended.
func (t *timeouts) bodyRead(on bool) {
	if on && t.body.Load() == nil {
		t.body.Store(new(bodyRead))
	}
	t.reading.Store(on)
}

// received counts bytes of a body.
func (t *timeouts) received(n int) {
	if t.reading.Load() {
		t.body.Load().bytes.Add(int64(n))
	}
}

const reasonBits = 4

// set arms the deadline; it reports false when one has already passed.
func (t *timeouts) set(h *Heartbeat, reason uint8, d time.Duration) bool {
	next := int64(0)
	if d > 0 {
		next = (h.coarse.Load()+int64(d)+int64(Interval))<<reasonBits | int64(reason)
	}
	for {
		old := t.deadline.Load()
		if old != 0 && old < 1<<reasonBits {
			return false
		}
		if t.deadline.CompareAndSwap(old, next) {
			if body := t.body.Load(); body != nil {
				body.epoch.Add(1) // before bytes: see tooSlow
				body.bytes.Store(0)
			}
			return true
		}
	}
}

// expired is the reason of a deadline that has passed, or 0.
func (t *timeouts) expired() uint8 {
	if d := t.deadline.Load(); d < 1<<reasonBits {
		return uint8(d)
	}
	return 0
}

// check returns the reason for which the connection must end at time now, or 0. elapsed is the time since the last check.
func (t *timeouts) check(now, elapsed int64, readReason, writeReason uint8) uint8 {
	if d := t.deadline.Load(); d >= 1<<reasonBits && now > d>>reasonBits {
		if reason := d & (1<<reasonBits - 1); t.deadline.CompareAndSwap(d, reason) {
			return uint8(reason)
		}
		return 0
	}
	if by := t.writeBy.Load(); by != 0 && now > by {
		t.deadline.Store(int64(writeReason)) // whatever else has passed: the answer to that is what is not being read
		return writeReason
	}
	if t.tooSlow(elapsed) {
		return t.expire(readReason)
	}
	return 0
}

func (t *timeouts) expire(reason uint8) uint8 {
	for {
		d := t.deadline.Load()
		if d != 0 && d < 1<<reasonBits {
			return 0
		}
		if t.deadline.CompareAndSwap(d, int64(reason)) {
			return reason
		}
	}
}

// tooSlow measures the average over the time spent reading: beats at which a read was under way, and the beat after. A
// beat counts for one interval at most, so that a stalled process does not blame its clients; while another deadline is
// armed the rate is not enforced.
func (t *timeouts) tooSlow(elapsed int64) bool {
	body := t.body.Load()
	if body == nil {
		return false
	}
	bytes := body.bytes.Load() // before the epoch: bytes of the new one are not held against the time of the old one
	if epoch := body.epoch.Load(); epoch != body.seen {
		body.seen, body.spent, body.wasReading = epoch, 0, false
	}
	reading := t.reading.Load()
	counts := reading || body.wasReading
	body.wasReading = reading
	rate := t.rates().Read
	if !counts || rate == nil || rate.BytesPerSecond <= 0 {
		return false
	}
	body.spent += min(elapsed, int64(Interval))
	if body.spent <= int64(rate.Grace) || t.deadline.Load() != 0 {
		return false
	}
	if float64(bytes)/time.Duration(body.spent).Seconds() >= rate.BytesPerSecond {
		return false
	}
	t.slowRead(bytes, body.spent, rate)
	return true
}

// writing begins a write of n bytes: it has the grace period, or as long as n bytes take at the least rate. The times of
// writes that are under way together add up, since the later ones wait for the earlier. One goroutine begins writes.
func (t *timeouts) writing(h *Heartbeat, n int64) {
	first := t.writes.Add(1) == 1
	rate := t.rates().Write
	if rate == nil || rate.BytesPerSecond <= 0 {
		return
	}
	allowed := allowedFor(n, rate)
	if by := t.writeBy.Load(); !first && by != 0 {
		t.writeBy.Store(by + allowed)
		return
	}
	t.writeBy.Store(h.coarse.Load() + int64(Interval) + allowed)
}

func (t *timeouts) wrote() {
	if t.writes.Add(-1) == 0 {
		t.writeBy.Store(0)
	}
}

// seconds converts to nanoseconds, at most a century: a rate may be as small as it likes.
func seconds(s float64) int64 {
	const century = 100 * 365 * 24 * float64(time.Hour)
	return int64(min(s*float64(time.Second), century))
}
