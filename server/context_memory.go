package server

import (
	"io"
	"net/http"
)

// contextMemory is bytes that live as long as the handler runs, given out from front to back.
type contextMemory struct {
	block []byte
	used  int
}

const (
	memoryBlock = 4 << 10  // what is allocated at least
	memoryKept  = 64 << 10 // what is kept at most for the next request
)

// take returns n bytes of capacity that nobody else has.
func (m *contextMemory) take(n int) []byte {
	if n > len(m.block)-m.used {
		m.block, m.used = make([]byte, max(n, memoryBlock)), 0
	}
	b := m.block[m.used : m.used : m.used+n]
	m.used += n
	return b
}

// reset returns the memory for another request.
func (m *contextMemory) reset() contextMemory {
	if len(m.block) > memoryKept {
		return contextMemory{}
	}
	return contextMemory{block: m.block}
}

// Buffer returns an empty slice with a capacity of n bytes, for a handler to render into with append without allocating.
// Its content is undefined; it is recycled with c. Each call returns other memory.
func (c *Context) Buffer(n int) []byte { c.check(); return c.memory.take(n) }

// errBodyTooLarge is what ReadBody returns; Reason is that of the server's own limit.
var errBodyTooLarge = &BadRequestError{
	Status: http.StatusRequestEntityTooLarge,
	Reason: "max_request_body_size_exceeded",
	Detail: "The request body is larger than the handler takes.",
}

// ReadBody reads the whole request body into buf's capacity, from its beginning, and returns it. When buf is too small,
// or nil, the result lies in memory of Buffer, which is recycled with c. A body of unknown length needs one byte more of
// capacity than it has, to see its end.
//
// A body of more than limit bytes is a *BadRequestError with status 413, before any of it is read when its length was
// announced; a handler that returns the error answers so. One that ends too early is io.ErrUnexpectedEOF or the server's
// error. Memory grows with what was received, not with what was announced.
func (c *Context) ReadBody(buf []byte, limit int64) ([]byte, error) {
	c.check()
	buf = buf[:0]
	length, body := c.req.ContentLength(), c.req.Body()
	if length > limit || limit < 0 {
		return buf, errBodyTooLarge
	}
	for int64(len(buf)) != length {
		if len(buf) == cap(buf) {
			buf = append(c.memory.take(grown(len(buf), length, limit)), buf...)
		}
		free := buf[len(buf):cap(buf)]
		if left := length - int64(len(buf)); length >= 0 && int64(len(free)) > left {
			free = free[:left]
		}
		n, err := body.Read(free)
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return buf[:limit], errBodyTooLarge
		case err == nil || int64(len(buf)) == length:
		case err != io.EOF:
			return buf, err
		case length >= 0:
			return buf, io.ErrUnexpectedEOF
		default:
			return buf, nil
		}
	}
	return buf, nil
}

// grown is the next size of a buffer of n bytes for a body of that length, or at most of limit bytes when length is -1.
func grown(n int, length, limit int64) int {
	next := max(512, 2*n)
	if n == 0 && length >= 0 {
		next = memoryBlock // most bodies need no second step
	}
	if length >= 0 {
		return int(min(int64(next), length))
	}
	if int64(next) > limit {
		return int(limit) + 1
	}
	return next
}
