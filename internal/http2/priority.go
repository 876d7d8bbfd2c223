package http2

import (
	"encoding/binary"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// urgencies are the levels of RFC 9218 §4.1; 0 is served first.
const (
	urgencies      = httpcommon.Urgencies
	defaultUrgency = httpcommon.DefaultUrgency
)

// priority is that of a response (RFC 9218 §4).
type priority = httpcommon.Priority

// priorityFrame is RFC 9113 §6.3: checked, and ignored.
func (c *Conn) priorityFrame(f *frame, p []byte) *connError {
	if err := f.ofStream(); err != nil {
		return err
	}
	switch {
	case len(p) != 5:
		return errFrameLength
	case dependency(p) == f.stream:
		return errSelfDependency
	}
	return c.spend(abusePriority)
}

func dependency(p []byte) uint32 { return binary.BigEndian.Uint32(p) & maxWindow }

// priorityUpdateFrame is RFC 9218 §7.1. One for a stream that is yet to come is kept, the last only.
func (c *Conn) priorityUpdateFrame(f *frame, p []byte) *connError {
	switch {
	case f.stream != 0:
		return errStreamNotZero
	case len(p) < 4:
		return errFrameLength
	}
	id := dependency(p)
	if id == 0 || id%2 == 0 {
		return errPriorityUpdateID
	}
	if err := c.spend(abusePriority); err != nil {
		return err
	}
	if len(p) > 4+maxPriority {
		return nil
	}
	wish := httpcommon.ParsePriority(string(p[4:]))
	if id > c.lastID {
		c.upcoming.stream, c.upcoming.priority = id, wish
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams.get(id); s != nil {
		waits := s.queued
		c.dequeueLocked(s)
		s.priority = wish
		if waits {
			c.enqueueLocked(s)
		}
	}
	return nil
}

// maxPriority is the longest priority field value that is looked at, in bytes.
const maxPriority = 256
