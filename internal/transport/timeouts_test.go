package transport

import (
	"testing"
	"time"

	"github.com/lannerhq/lanner/test/conformance"
)

// The reasons of these tests.
const (
	idle uint8 = iota + 1
	readRate
	writeRate
)

// clock is a heartbeat that beats when it is told.
type clock struct {
	h   Heartbeat
	t   timeouts
	now time.Duration
}

// tick advances the clock and returns the reason for which the connection must end.
func (c *clock) tick(d time.Duration) uint8 {
	c.now += d
	last := c.h.coarse.Swap(int64(c.now))
	return c.t.check(int64(c.now), int64(c.now)-last, readRate, writeRate)
}

func sec(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func TestADeadlineActsAfterItsTimeAndAtMostTwoBeatsLater(t *testing.T) {
	var c clock
	c.tick(sec(7))
	c.t.set(&c.h, idle, sec(10))
	for s := 8; s <= 18; s++ {
		if r := c.tick(time.Second); r != 0 {
			t.Fatalf("at %d s the deadline of 17 s has passed: want it never early, and one interval of tolerance", s)
		}
	}
	if r := c.tick(time.Second); r != idle {
		t.Fatalf("at 19 s the reason is %d, want the one it was armed for", r)
	}
	if r := c.tick(time.Second); r != 0 || c.t.expired() != idle {
		t.Errorf("later the reason is %d and expired %d, want it told once and remembered", r, c.t.expired())
	}
	if c.t.set(&c.h, idle, sec(10)) || c.t.expired() != idle {
		t.Error("a deadline that has passed was replaced by a new one")
	}
}

func TestADeadlineCanBeReplacedAndDisarmed(t *testing.T) {
	var c clock
	c.t.set(&c.h, idle, sec(1))
	c.t.set(&c.h, idle, sec(100))
	if r := c.tick(sec(50)); r != 0 {
		t.Errorf("reason %d although the deadline was moved", r)
	}
	c.t.set(&c.h, 0, 0)
	if r := c.tick(sec(500)); r != 0 || c.t.expired() != 0 {
		t.Errorf("reason %d although the deadline was disarmed", r)
	}
}

// unit is a row of kestrel-units.jsonl.
type unit struct {
	Kind   string
	Rate   float64
	GraceS float64 `json:"grace_s"`
	Ticks  []struct {
		DT       float64
		Bytes    int64
		Pause    bool
		Resume   bool
		Tick     *bool
		TimedOut *bool `json:"timed_out"`
	}
	WriteBytes int64 `json:"write_bytes"`
	Writes     []int64
}

// receive counts bytes of a body, also of one that is not being read at the moment.
func (c *clock) receive(n int64) {
	if c.t.body.Load() == nil {
		c.t.body.Store(new(bodyRead))
	}
	c.t.body.Load().bytes.Add(n)
}

func TestTheReadRateIsTheAverageOverTheTimeSpentReading(t *testing.T) {
	for _, u := range conformance.Units[unit](t, "rate_read_script") {
		var c clock
		c.t.least.Store(&Rates{Read: &Rate{u.Rate, sec(u.GraceS)}})
		c.t.bodyRead(true)
		for i, step := range u.Ticks {
			c.receive(step.Bytes)
			if step.Tick != nil && !*step.Tick {
				c.now += sec(step.DT)
			} else if r := c.tick(sec(step.DT)); step.TimedOut != nil && (r == readRate) != *step.TimedOut {
				t.Errorf("step %d: reason %d, want timed out %v", i, r, *step.TimedOut)
			}
			if step.Pause {
				c.t.bodyRead(false)
			}
			if step.Resume {
				c.t.bodyRead(true)
			}
		}
	}
}

func TestTheReadRateIsNotEnforcedWhileADeadlineRuns(t *testing.T) {
	var c clock
	c.t.least.Store(&Rates{Read: &Rate{100, sec(2)}})
	c.t.set(&c.h, idle, sec(100)) // draining has a time of its own
	c.t.bodyRead(true)
	for range 10 {
		if r := c.tick(time.Second); r != 0 {
			t.Fatalf("reason %d while another deadline is armed", r)
		}
	}
}

func TestAStalledProcessDoesNotBlameItsClients(t *testing.T) {
	var c clock
	c.t.least.Store(&Rates{Read: &Rate{100, sec(2)}})
	c.t.bodyRead(true)
	if r := c.tick(time.Hour); r != 0 {
		t.Errorf("reason %d after one late beat: want it to count for one interval at most", r)
	}
}

func TestANewRequestHasANewMeasurement(t *testing.T) {
	var c clock
	c.t.least.Store(&Rates{Read: &Rate{100, sec(2)}})
	c.t.bodyRead(true)
	c.receive(500)
	for range 4 {
		c.tick(time.Second)
	}
	c.t.set(&c.h, 0, 0)
	for s := range 2 {
		if r := c.tick(time.Second); r != 0 {
			t.Fatalf("reason %d after %d s of a new request, within its grace period", r, s+1)
		}
	}
	if r := c.tick(time.Second); r != readRate {
		t.Errorf("reason %d, want the bytes of the last request not to count for this one", r)
	}
}

func TestQuickReadsOfASlowApplicationAreNotTheClientsTime(t *testing.T) {
	var c clock
	c.t.least.Store(&Rates{Read: &Rate{100, sec(2)}})
	for range 20 {
		c.t.reading.Store(true) // a read that has its bytes at once
		c.receive(10)
		c.t.bodyRead(false)
		if r := c.tick(time.Second); r != 0 {
			t.Fatal("a client was blamed for the pauses of the application between two reads")
		}
	}
}

func TestAWriteHasTheTimeItTakesAtTheLeastRate(t *testing.T) {
	for _, u := range conformance.Units[unit](t, "rate_write") {
		var c clock
		c.t.least.Store(&Rates{Write: &Rate{u.Rate, sec(u.GraceS)}})
		c.t.writing(&c.h, u.WriteBytes)
		allowed := max(sec(u.GraceS), sec(float64(u.WriteBytes)/u.Rate)) + Interval
		for c.now < allowed {
			if r := c.tick(time.Second); r != 0 {
				t.Fatalf("reason %d at %v: want %v and one interval", r, c.now, allowed-Interval)
			}
		}
		if r := c.tick(1); r != writeRate {
			t.Errorf("reason %d just after %v, want the write to be given up", r, allowed)
		}
	}
}

func TestTimesOfWritesThatAreUnderWayTogetherAddUp(t *testing.T) {
	for _, u := range conformance.Units[unit](t, "rate_write_concurrent") {
		var c clock
		c.t.least.Store(&Rates{Write: &Rate{u.Rate, sec(u.GraceS)}})
		allowed := Interval
		for _, n := range u.Writes {
			c.t.writing(&c.h, n)
			allowed += max(sec(u.GraceS), sec(float64(n)/u.Rate))
		}
		c.t.wrote() // the first is done
		for c.now < allowed {
			if r := c.tick(time.Second); r != 0 {
				t.Fatalf("reason %d at %v: want %v and one interval", r, c.now, allowed-Interval)
			}
		}
		if r := c.tick(1); r != writeRate {
			t.Errorf("reason %d just after %v, want the second write to be given up", r, allowed)
		}
	}
}

func TestAWriteThatEndsHasNoDeadline(t *testing.T) {
	var c clock
	c.t.least.Store(&Rates{Write: &Rate{100, sec(2)}})
	c.t.writing(&c.h, 10)
	c.t.wrote()
	if r := c.tick(time.Hour); r != 0 {
		t.Errorf("reason %d although no write is under way", r)
	}
}

func TestASlowWriteIsGivenUpAlsoAfterADeadlineHasPassed(t *testing.T) {
	var c clock
	c.t.least.Store(&Rates{Write: &Rate{100, sec(2)}})
	c.t.set(&c.h, idle, sec(1))
	c.tick(sec(3))
	c.t.writing(&c.h, 10) // the answer that says so
	c.tick(sec(4))
	if c.t.expired() != writeRate {
		t.Errorf("expired %d: an answer that is not read would be written for ever", c.t.expired())
	}
}

func TestATinyRateDoesNotOverflow(t *testing.T) {
	var c clock
	c.t.least.Store(&Rates{Write: &Rate{1e-300, sec(2)}})
	c.t.writing(&c.h, 1<<40)
	if r := c.tick(time.Hour); r != 0 {
		t.Errorf("reason %d, want almost no limit", r)
	}
}
