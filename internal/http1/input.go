package http1

import "github.com/lannerhq/lanner/internal/bufpool"

// Idle reports whether the connection waits for a request of which no byte has come.
func (c *Conn) Idle() bool { return c.w == c.r }

// Unread returns a copy of the bytes that were received and not used.
func (c *Conn) Unread() []byte { return append([]byte(nil), c.in[c.r:c.w]...) }

// Preload gives the engine bytes that somebody else has read from the connection.
func (c *Conn) Preload(b []byte) {
	for len(b) > 0 {
		n := copy(c.Input(), b)
		c.Received(n)
		b = b[n:]
	}
}

// Input returns room for the next bytes, never empty.
func (c *Conn) Input() []byte {
	if c.in == nil {
		c.in = bufpool.Get(bufpool.Small)
		c.r, c.w = 0, 0
	}
	if c.w == len(c.in) {
		c.makeRoom()
	}
	return c.in[c.w:]
}

// Received tells that n bytes were put into Input.
func (c *Conn) Received(n int) { c.w += n }

// makeRoom moves unused bytes to the front, or into a larger buffer.
func (c *Conn) makeRoom() {
	if c.r > 0 {
		copy(c.in, c.in[c.r:c.w])
		c.w -= c.r
		c.r = 0
		return
	}
	size := bufpool.Large
	if len(c.in) >= bufpool.Large {
		size = 2 * len(c.in) // only a head limit above the default leads here
	}
	bigger := bufpool.Get(size)
	c.w = copy(bigger, c.in[:c.w])
	bufpool.Put(c.in)
	c.in = bigger
}

// Release gives the connection's memory back. The connection must not be used after.
func (c *Conn) Release() {
	if c.memory != nil {
		bufpool.Put(c.memory)
		c.memory = nil
	}
	if c.in != nil {
		bufpool.Put(c.in)
		c.in = nil
	}
	c.req.reset()
	c.Trim()
}

// Trim gives back what an idle connection does not need.
func (c *Conn) Trim() {
	if len(c.in) > bufpool.Small {
		bufpool.Put(c.in)
		c.in = nil
	}
	bufpool.Put(c.res.held)
	c.res.held = nil
	c.mu.Lock()
	bufpool.Put(c.out)
	c.out = nil
	c.mu.Unlock()
}

func (c *Conn) buffered() int { return c.w - c.r }

func (c *Conn) pending() []byte { return c.in[c.r:c.w] }

func (c *Conn) take(n int) { c.r += n }

// readBody takes body bytes: those received, else from the stream straight into p.
func (c *Conn) readBody(p []byte) (int, error) {
	if n := copy(p, c.pending()); n > 0 {
		c.take(n)
		return n, nil
	}
	if err := c.flushBeforeRead(); err != nil {
		return 0, err
	}
	c.stream.BodyRead(true)
	n, err := c.stream.Read(p)
	c.stream.BodyRead(false)
	return n, err
}

// fillBody waits for more bytes of a chunked body. The head stays where it is: the request's strings are parts of it.
func (c *Conn) fillBody() error {
	if err := c.flushBeforeRead(); err != nil {
		return err
	}
	if c.memory == nil {
		c.memory = c.in
		c.in = bufpool.Get(bufpool.Large)
		c.w = copy(c.in, c.memory[c.r:c.w])
		c.r = 0
	} else if c.r == c.w {
		c.r, c.w = 0, 0
	}
	room := c.Input()
	c.stream.BodyRead(true)
	n, err := c.stream.Read(room)
	c.stream.BodyRead(false)
	if n > 0 {
		c.Received(n)
		return nil
	}
	return err
}
