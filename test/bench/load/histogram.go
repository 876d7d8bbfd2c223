package load

import (
	"math/bits"
	"time"
)

// The buckets of a histogram: each power of two is divided in halves of halves, so that a bucket is at most 1/64 of its
// value wide. Values below 64 ns have a bucket each.
const (
	subBits    = 6
	subBuckets = 1 << subBits
	maxBits    = 36 // values from 2^36 ns (69 s) on share the last bucket
	buckets    = (maxBits - subBits + 1) * subBuckets
)

// histogram counts durations in a fixed number of buckets. The zero value is empty.
type histogram struct {
	counts [buckets]uint64
	total  uint64
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(0, d)))]++
	h.total++
}

// bucket is the index for a value in ns.
func bucket(v uint64) int {
	shift := max(0, bits.Len64(v)-subBits-1)
	return min(shift*subBuckets+int(v>>shift), buckets-1)
}

// upper is the largest value of a bucket, but for the last.
func upper(i int) uint64 {
	shift := max(0, i/subBuckets-1)
	return uint64(i-shift*subBuckets+1)<<shift - 1
}

// quantile is a duration that the share q of all does not exceed, up to 1/64 too high; 0 when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total)) // of those below
	var sum uint64
	for i, n := range h.counts {
		if sum += n; sum > rank || sum == h.total {
			return time.Duration(upper(i))
		}
	}
	return 0
}
