package handover

import (
	"errors"
	"fmt"
)

// cursor reads a binary payload from front to back. After the first read that
// finds too few bytes all reads give zero and end tells.
type cursor struct {
	rest  []byte
	short bool
}

// bytes returns the next n bytes, which share the payload's memory; nil for 0.
func (c *cursor) bytes(n int) []byte {
	if c.short || n < 0 || n > len(c.rest) {
		c.short = true
		return nil
	}
	if n == 0 {
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) byte() byte {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if b := c.bytes(2); b != nil {
		return be.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.bytes(4); b != nil {
		return be.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.bytes(8); b != nil {
		return be.Uint64(b)
	}
	return 0
}

// end reports whether the payload held what was read, and no more unless the
// sender is newer and may have added something.
func (c *cursor) end(newer bool) error {
	if c.short {
		return errors.New("the payload is too short")
	}
	if len(c.rest) > 0 && !newer {
		return fmt.Errorf("%d bytes follow the payload's last field", len(c.rest))
	}
	return nil
}
