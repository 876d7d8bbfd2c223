package http3

import (
	"time"

	"github.com/lannerhq/lanner/internal/muxcommon"
)

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

// allowance is what may be done how often, and what the connection ends with beyond.
type allowance struct {
	*muxcommon.Allowance
	detail string
}

var allowances = [abuses]allowance{
	abuseReset:     {&muxcommon.Resets, "Too many requests were reset"},
	abuseMadeReset: {&muxcommon.MadeResets, "Too many requests had to be reset"},
	abusePriority:  {&muxcommon.Priorities, "Too many priorities"},
	abuseEmptyData: {&muxcommon.EmptyData, "Too many empty DATA frames"},
	abuseControl:   {&muxcommon.Controls, "Too many control frames"},
	abuseUnknown:   {&muxcommon.Unknown, "Too many frames or streams of no use"},
}

func (a abuse) error() *ConnectionError {
	return &ConnectionError{ExcessiveLoad, allowances[a].Name, allowances[a].detail + " in too short a time."}
}

// budgets are what was spent of each allowance. They are filled up at each tick.
type budgets [abuses]muxcommon.Budget

// spend takes one of an allowance; an error means that it is used up.
func (c *Conn) spend(a abuse) *ConnectionError {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.budgets[a].Spend(allowances[a].Allowance) {
		return nil
	}
	return a.error()
}

// refillLocked gives back what the time since the last tick is worth.
func (c *Conn) refillLocked(elapsed time.Duration) {
	for a := range c.budgets {
		c.budgets[a].Refill(allowances[a].Allowance, elapsed)
	}
}
