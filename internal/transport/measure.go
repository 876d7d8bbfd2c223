package transport

import "time"

// Measure is what was measured of a connection that was too slow.
type Measure struct {
	// Bytes went over the connection in the time Over; of a write, that is the time which it was allowed.
	Bytes int64
	Over  time.Duration
	// Least is the rate that was asked for.
	Least Rate
}

// BytesPerSecond is the rate that was measured.
func (m *Measure) BytesPerSecond() float64 { return float64(m.Bytes) / max(m.Over, 1).Seconds() }

// slowRead keeps the measure of a body that came too slowly.
func (t *timeouts) slowRead(bytes, spent int64, rate *Rate) {
	t.slow.Store(&Measure{bytes, time.Duration(spent), *rate})
}

// slowWrite keeps the measure of a write that was given up after some of its bytes.
func (t *timeouts) slowWrite(written, of int64) {
	if rate := t.rates().Write; rate != nil && rate.BytesPerSecond > 0 {
		t.slow.Store(&Measure{written, time.Duration(allowedFor(of, rate)), *rate})
	}
}

// allowedFor is how long a write of n bytes may take.
func allowedFor(n int64, rate *Rate) int64 {
	return max(int64(rate.Grace), seconds(float64(n)/rate.BytesPerSecond))
}
