package http1

import (
	"github.com/lannerhq/lanner/internal/bufpool"
)

// holds reports whether n more bytes can be held back: the length is not announced, and there is room.
func (s *Response) holds(n int) bool {
	if _, announced := s.header.Lookup("Content-Length"); announced {
		return false
	}
	return s.room(n)
}

func (s *Response) room(n int) bool { return n <= s.conn.cfg.Limits.MaxResponseBufferSize-len(s.held) }

// hold keeps p back, in a buffer of one of the two pooled sizes as long as it fits.
func (s *Response) hold(p []byte) {
	s.held = append(bufpool.Grown(s.held, len(p)), p...)
}

// write frames body bytes of a started response.
func (s *Response) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	switch s.framing {
	case framingNone:
		s.swallowed += int64(len(p))
		return len(p), nil
	case framingLength:
		if int64(len(p)) > s.left {
			s.overrun = true
			return 0, s.fail(errTooManyBytes)
		}
		s.left -= int64(len(p))
	case framingChunked:
		return s.writeChunk(p)
	}
	return len(p), s.send(p)
}

// writeChunk gathers small writes into one chunk.
func (s *Response) writeChunk(p []byte) (int, error) {
	if s.room(len(p)) {
		s.hold(p)
		return len(p), nil
	}
	if err := s.sendHeld(); err != nil {
		return 0, err
	}
	if err := s.sendChunk(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sendHeld makes a chunk of the bytes held back.
func (s *Response) sendHeld() error {
	if len(s.held) == 0 {
		return nil
	}
	err := s.sendChunk(s.held)
	s.held = s.held[:0]
	return err
}

// sendChunk is a chunk: its size, p, and a line end. When writes are not to be held back, none of the three is.
func (s *Response) sendChunk(p []byte) error {
	c := s.conn
	c.mu.Lock()
	waiting := len(c.outLocked())
	c.out = append(appendHex(c.outLocked(), len(p)), "\r\n"...)
	s.bodySize += int64(len(c.out)-waiting) + int64(len("\r\n")) // and the line end behind p
	c.mu.Unlock()
	if err := s.send(p); err != nil {
		return err
	}
	c.mu.Lock()
	c.out = append(c.outLocked(), "\r\n"...)
	c.mu.Unlock()
	if c.cfg.Limits.MaxResponseBufferSize == 0 {
		return s.sendWaiting()
	}
	return nil
}

// send puts p behind what is waiting to be written; a large p goes out at once, without being copied.
func (s *Response) send(p []byte) error {
	c := s.conn
	s.bodySize += int64(len(p))
	c.mu.Lock()
	if c.fitsLocked(p) {
		c.out = append(bufpool.Grown(c.out, len(p)), p...)
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	if err := c.flush(p); err != nil {
		return s.fail(err)
	}
	return nil
}

// fitsLocked reports whether p is small enough to be copied behind what waits.
func (c *Conn) fitsLocked(p []byte) bool {
	return len(p) <= copyBelow && len(p) <= c.cfg.Limits.MaxResponseBufferSize-len(c.out)
}

// copyBelow is the size up to which copying is cheaper than a second vector of a writev.
const copyBelow = 16 << 10

func (s *Response) sendWaiting() error {
	if err := s.conn.flush(nil); err != nil {
		return s.fail(err)
	}
	return nil
}
