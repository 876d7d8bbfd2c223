package tlsconfig

import "time"

const day = 24 * time.Hour

// warnings are how long before the end a certificate that is still in use is told of. A warning that comes before a third of the
// certificate's life is left is none: until then nobody renews it.
var warnings = []time.Duration{0, day, 7 * day, 30 * day}

// warn tells of certificates that expire, once for each step.
func (s *Store) warn(now time.Time) {
	type expiring struct {
		c    *Certificate
		left time.Duration
	}
	var tell []expiring
	s.mu.Lock()
	inUse := make(map[string]time.Duration)
	for _, c := range s.current.Load().Certificates() {
		key := c.fingerprint()
		before, was := s.warned[key]
		if was {
			inUse[key] = before
		}
		step, due := warningAt(c, now)
		if !due || was && step >= before {
			continue
		}
		inUse[key] = step
		tell = append(tell, expiring{c, max(0, c.chain[0].NotAfter.Sub(now))})
	}
	s.warned = inUse
	s.mu.Unlock()
	for _, e := range tell {
		if s.opts.Events.Expiring != nil {
			s.opts.Events.Expiring(e.c, e.left)
		}
	}
}

// warningAt returns the nearest step that the time has passed.
func warningAt(c *Certificate, now time.Time) (step time.Duration, due bool) {
	leaf := c.chain[0]
	left, life := leaf.NotAfter.Sub(now), leaf.NotAfter.Sub(leaf.NotBefore)
	for _, step := range warnings {
		if left <= step && step < life/3 {
			return step, true
		}
	}
	return 0, false
}
