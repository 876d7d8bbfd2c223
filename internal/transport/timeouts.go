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
	// passed, the reason alone, which nothing replaces any more; or 0.
	deadline atomic.Int64

	readRate, writeRate atomic.Pointer[Rate]

	// Reading a body: how long and how much, since the last SetTimeout. Only the heartbeat uses readFor.
	reading   atomic.Bool
	readBytes atomic.Int64
	readEpoch atomic.Int64
	readFor   int64
	readSeen  int64

	// writeBy is when the write under way must be done; 0 when there is none.
	writeBy atomic.Int64
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
			t.readEpoch.Add(1)
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
		return t.expire(writeReason)
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

// tooSlow measures the average over the time spent reading. A beat counts for one interval at most, so that a stalled
// process does not blame its clients; while another deadline is armed the rate is not enforced.
func (t *timeouts) tooSlow(elapsed int64) bool {
	if epoch := t.readEpoch.Load(); epoch != t.readSeen {
		t.readSeen, t.readFor = epoch, 0
		t.readBytes.Store(0)
	}
	rate := t.readRate.Load()
	if !t.reading.Load() || rate == nil || rate.BytesPerSecond <= 0 {
		return false
	}
	t.readFor += min(elapsed, int64(Interval))
	if t.readFor <= int64(rate.Grace) || t.deadline.Load() != 0 {
		return false
	}
	return float64(t.readBytes.Load())/time.Duration(t.readFor).Seconds() < rate.BytesPerSecond
}

// writing begins a write of n bytes: it has the grace period, or as long as n bytes take at the least rate.
func (t *timeouts) writing(h *Heartbeat, n int64) {
	rate := t.writeRate.Load()
	if rate == nil || rate.BytesPerSecond <= 0 {
		return
	}
	allowed := max(rate.Grace, time.Duration(float64(n)/rate.BytesPerSecond*float64(time.Second)))
	t.writeBy.Store(h.coarse.Load() + int64(Interval) + int64(allowed))
}

func (t *timeouts) wrote() { t.writeBy.Store(0) }
