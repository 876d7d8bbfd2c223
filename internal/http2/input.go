package http2

import "github.com/lannerhq/lanner/internal/bufpool"

// Input returns room for the next bytes, never empty. A connection that waits at the end of a frame has no buffer.
func (c *Conn) Input() []byte {
	switch {
	case c.in == nil:
		c.in = bufpool.Get(bufpool.Small)
		c.r, c.w = 0, 0
	case c.w < len(c.in):
	case c.r > 0 && c.r >= len(c.in)/2:
		copy(c.in, c.in[c.r:c.w])
		c.w -= c.r
		c.r = 0
	default:
		size := bufpool.Large
		if len(c.in) >= size {
			size = 2 * len(c.in) // only a MaxFrameSize above the default leads here
		}
		bigger := bufpool.Get(size)
		c.w = copy(bigger, c.in[c.r:c.w])
		c.r = 0
		bufpool.Put(c.in)
		c.in = bigger
	}
	return c.in[c.w:]
}

// Received tells that n bytes were put into Input.
func (c *Conn) Received(n int) {
	c.w += n
}

// Preload gives the engine bytes that somebody else has read.
func (c *Conn) Preload(b []byte) {
	for len(b) > 0 {
		n := copy(c.Input(), b)
		c.Received(n)
		b = b[n:]
	}
}

// Idle reports whether no byte of a frame has come that is not complete.
func (c *Conn) Idle() bool { return c.w == c.r }
