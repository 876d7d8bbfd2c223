package http3

import "time"

// abuse is something that a client may do now and then, but not again and again.
type abuse uint8

// What is counted.
const (
	abuseReset     abuse = iota // requests that the client resets (as CVE-2023-44487)
	abuseMadeReset              // requests that we have to reset (as CVE-2025-8671)
	abusePriority               // PRIORITY_UPDATE
	abuseEmptyData              // DATA without data
	abuseControl                // GOAWAY, CANCEL_PUSH, MAX_PUSH_ID, instructions of QPACK
	abuseUnknown                // frames and streams that are ignored
	abuses
)

// maxDropped is how many bytes of a frame that is ignored count as one such frame, so that none can go on for ever. It is HTTP/2's largest
// frame.
const maxDropped = 16 << 10

// allowance is how often something may be done: burst times at once, and perSecond in the long run.
type allowance struct {
	name             string
	burst, perSecond int64
	detail           string
}

// allowances are those of HTTP/2 where it has the same.
var allowances = [abuses]allowance{
	abuseReset:     {"stream_reset_limit_exceeded", 400, 100, "Too many requests were reset"},
	abuseMadeReset: {"stream_reset_limit_exceeded", 200, 20, "Too many requests had to be reset"},
	abusePriority:  {"priority_flood", 1000, 200, "Too many priorities"},
	abuseEmptyData: {"empty_frame_flood", 200, 50, "Too many empty DATA frames"},
	abuseControl:   {"settings_flood", 100, 10, "Too many control frames"},
	abuseUnknown:   {"unknown_frame_flood", 1000, 200, "Too many frames or streams of no use"},
}

func (a abuse) error() *ConnectionError {
	return &ConnectionError{ExcessiveLoad, allowances[a].name, allowances[a].detail + " in too short a time."}
}

// budgets are what was spent of each allowance. They are filled up at each tick.
type budgets [abuses]int64

// spend takes one of an allowance; an error means that it is used up.
func (c *Conn) spend(a abuse) *ConnectionError {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budgets[a]++
	if c.budgets[a] <= allowances[a].burst {
		return nil
	}
	return a.error()
}

// refillLocked gives back what the time since the last tick is worth.
func (c *Conn) refillLocked(elapsed time.Duration) {
	for a := range c.budgets {
		if c.budgets[a] > 0 {
			c.budgets[a] = max(0, c.budgets[a]-int64(elapsed.Seconds()*float64(allowances[a].perSecond)))
		}
	}
}
