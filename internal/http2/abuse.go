package http2

import (
	"time"

	"github.com/lannerhq/lanner/internal/muxcommon"
)

// abuse is something that a client may do now and then, but not again and again.
type abuse uint8

// What is counted.
const (
	abuseReset        abuse = iota // RST_STREAM (CVE-2023-44487), and streams beyond those that are being worked on
	abuseMadeReset                 // what makes us reset a stream (CVE-2025-8671)
	abuseSettings                  // SETTINGS
	abusePing                      // PING
	abusePriority                  // PRIORITY, PRIORITY_UPDATE
	abuseEmptyData                 // DATA without data
	abuseWindowUpdate              // WINDOW_UPDATE with small increments
	abuseUnknown                   // frames that are ignored
	abuses
)

// allowance is what may be done how often, and with which code the connection ends beyond.
type allowance struct {
	*muxcommon.Allowance
	code ErrCode
	what string
}

var allowances = [abuses]allowance{
	abuseReset:        {&muxcommon.Resets, EnhanceYourCalm, "RST_STREAM"},
	abuseMadeReset:    {&muxcommon.MadeResets, EnhanceYourCalm, "streams that must be reset"},
	abuseSettings:     {&muxcommon.Controls, EnhanceYourCalm, "SETTINGS"},
	abusePing:         {&muxcommon.Allowance{Name: "output_queue_size_exceeded", Burst: 1000, PerSecond: 100}, InternalError, "PING"},
	abusePriority:     {&muxcommon.Priorities, EnhanceYourCalm, "priorities"},
	abuseEmptyData:    {&muxcommon.EmptyData, EnhanceYourCalm, "empty DATA"},
	abuseWindowUpdate: {&muxcommon.Allowance{Name: "window_update_flood", Burst: 1000, PerSecond: 500}, EnhanceYourCalm, "small WINDOW_UPDATE"},
	abuseUnknown:      {&muxcommon.Unknown, EnhanceYourCalm, "frames of no use"},
}

// String is the stable name of the rule: error.type of the metrics.
func (a abuse) String() string { return allowances[a].Name }

func (a abuse) error() *connError {
	return &connError{allowances[a].code, allowances[a].Name, "Too many " + allowances[a].what + " in too short a time."}
}

// budgets are what is spent of each allowance. They are filled up at each tick.
type budgets [abuses]muxcommon.Budget

// spend takes one of an allowance; an error means that it is used up.
func (c *Conn) spend(a abuse) *connError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spendLocked(a)
}

func (c *Conn) spendLocked(a abuse) *connError {
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

// calmed counts the streams that were refused since more handlers run than may: more than maxCalmed in calmTime end the connection
// (Kestrel's Http2.MaxEnhanceYourCalmCount).
type calmed struct {
	since int64
	count int
}

const (
	maxCalmed = 20
	calmTime  = int64(5 * time.Second)
)

func (m *calmed) tooOften(now int64) bool {
	if now-m.since >= calmTime {
		m.since, m.count = now, 0
	}
	m.count++
	return m.count > maxCalmed
}

// resets remembers streams that we have reset: frames that the client has sent before it knew are ignored for a while, after which
// they are frames on a closed stream.
type resets struct {
	ids []resetStream // the oldest first
}

type resetStream struct {
	id uint32
	at int64
}

const (
	maxResets = 256
	resetTime = int64(5 * time.Second)
)

func (r *resets) remember(id uint32, now int64) {
	if len(r.ids) == maxResets {
		r.ids = append(r.ids[:0], r.ids[1:]...)
	}
	r.ids = append(r.ids, resetStream{id, now})
}

func (r *resets) has(id uint32) bool {
	for i := range r.ids {
		if r.ids[i].id == id {
			return true
		}
	}
	return false
}

func (r *resets) forget(id uint32) {
	for i := range r.ids {
		if r.ids[i].id == id {
			r.ids = append(r.ids[:i], r.ids[i+1:]...)
			return
		}
	}
}

// expire forgets those whose time is over.
func (r *resets) expire(now int64) {
	n := 0
	for n < len(r.ids) && now-r.ids[n].at > resetTime {
		n++
	}
	if n == len(r.ids) {
		r.ids = nil
		return
	}
	r.ids = append(r.ids[:0], r.ids[n:]...)
}
