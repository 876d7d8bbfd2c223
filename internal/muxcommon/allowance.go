package muxcommon

import "time"

// Allowance is how often a client may do what it may do now and then, but not again and again: Burst times at once, and PerSecond in the
// long run.
type Allowance struct {
	// Name is the stable name of the rule: error.type of the metrics.
	Name             string
	Burst, PerSecond int64
}

// Allowances are generous: a browser that leaves a page resets a hundred streams at once.
var (
	// Resets are requests that the client resets (CVE-2023-44487), and streams beyond those that are being worked on.
	Resets = Allowance{"stream_reset_limit_exceeded", 400, 100}
	// MadeResets are requests that we have to reset for what the client does (CVE-2025-8671).
	MadeResets = Allowance{"stream_reset_limit_exceeded", 200, 20}
	// Priorities are PRIORITY and PRIORITY_UPDATE.
	Priorities = Allowance{"priority_flood", 1000, 200}
	// EmptyData is DATA without data.
	EmptyData = Allowance{"empty_frame_flood", 200, 50}
	// Controls are SETTINGS and what else has its place on a control stream.
	Controls = Allowance{"settings_flood", 100, 10}
	// Unknown are frames and streams that are ignored.
	Unknown = Allowance{"unknown_frame_flood", 1000, 200}
)

// Budget is what was spent of an allowance; the zero value is a full one.
type Budget int64

// Spend takes one of the allowance, and reports whether there was one.
func (b *Budget) Spend(a *Allowance) bool {
	*b++
	return int64(*b) <= a.Burst
}

// Refill gives back what the time that has passed is worth.
func (b *Budget) Refill(a *Allowance, elapsed time.Duration) {
	if *b > 0 {
		*b = max(0, *b-Budget(elapsed.Seconds()*float64(a.PerSecond)))
	}
}
