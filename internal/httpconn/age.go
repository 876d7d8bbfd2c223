package httpconn

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// errTooOld is why a request is aborted that still ran when the grace of its connection's age was over.
var errTooOld = errors.New("the connection has reached its greatest age (MaxConnectionAge) and the grace after it")

// ages finds the connections whose time has come. They lie in a bucket for each second, so that a beat looks at those that are
// due and not at all.
type ages struct {
	start time.Time

	mu      sync.Mutex
	seen    int64 // the last second that was looked at
	buckets map[int64]map[*conn]struct{}
}

// aging is a connection's place among the ages. It is the ages' mu that guards it.
type aging struct {
	grace time.Duration
	due   int64 // the bucket it is in; 0 for none
	grown bool  // it has reached its age
}

// jitter spreads d by a tenth, so that connections which were opened together do not end together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*2-1)*float64(d)/10)
}

// add makes c due after d.
func (a *ages) add(c *conn, d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addLocked(c, time.Since(a.start)+d)
}

func (a *ages) addLocked(c *conn, at time.Duration) {
	second := max(int64((at+time.Second-1)/time.Second), a.seen+1)
	if a.buckets == nil {
		a.buckets = make(map[int64]map[*conn]struct{})
	}
	if a.buckets[second] == nil {
		a.buckets[second] = make(map[*conn]struct{})
	}
	a.buckets[second][c] = struct{}{}
	c.life.age.due = second
}

func (a *ages) remove(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bucket := a.buckets[c.life.age.due]; bucket != nil {
		delete(bucket, c)
		if len(bucket) == 0 {
			delete(a.buckets, c.life.age.due)
		}
	}
}

// due takes out the connections that have reached their age, and those whose grace is over.
func (a *ages) due(now time.Time) (grown, late []*conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	until := int64(now.Sub(a.start) / time.Second)
	for ; a.seen < until; a.seen++ {
		for c := range a.buckets[a.seen+1] {
			age := &c.life.age
			age.due = 0
			if age.grown {
				late = append(late, c)
				continue
			}
			age.grown = true
			grown = append(grown, c)
			if age.grace > 0 {
				defer a.addLocked(c, time.Duration(until)*time.Second+age.grace)
			}
		}
		delete(a.buckets, a.seen+1)
	}
	return grown, late
}

// endTheOld makes the next response of connections that have reached their age the last, ends those that wait, and aborts what
// still runs when the grace is over. It is called once a second.
func (m *Manager) endTheOld(now time.Time) {
	grown, late := m.ages.due(now)
	m.mu.Lock()
	for _, c := range grown {
		c.life.old.Store(true)
		if _, open := m.conns[c]; open {
			c.drain()
			c.transport.Interrupt()
		}
	}
	m.mu.Unlock()
	for _, c := range late {
		c.mu.Lock()
		owned := c.owned
		c.mu.Unlock()
		if owned { // what the application has taken over is its own
			c.lose(errTooOld)
			c.fire(errTooOld)
			c.cut()
		}
	}
}

// limited reports whether a new connection has a limit of its requests or its age.
func (c *conn) limited() bool { return c.engine.maxRequests > 0 || c.engine.maxAge > 0 }

// grow begins to count the age. One that goes back to another process when it is idle has its age there.
func (c *conn) grow() {
	if s := c.engine.settings; s.maxAge > 0 && !c.returns() {
		c.life.age.grace = s.ageGrace
		c.m.ages.add(c, jitter(s.maxAge))
	}
}

// old reports whether the connection has reached its age.
func (c *conn) old() bool { return c.life != nil && c.life.old.Load() }

// count makes the response of the last request that the connection may have the last.
func (c *conn) count() {
	if limit := c.engine.maxRequests; limit > 0 && int64(c.requests) >= limit || c.life.old.Load() {
		c.http.Drain()
	}
}
