package http2

import (
	"math/bits"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// maxOut is how much is rendered before it is written, in bytes, so that a more urgent answer does not wait long.
const maxOut = bufpool.Large

// maxBacklog is how much may be rendered while the client does not read, in bytes: answers without a body are not held up by its
// windows.
const maxBacklog = 1 << 20

// outLocked readies the output for a frame.
func (c *Conn) outLocked() {
	if cap(c.out) == 0 {
		c.out = bufpool.Get(bufpool.Small)[:0]
	}
}

// roomLocked makes room for n more bytes.
func (c *Conn) roomLocked(n int) {
	c.outLocked()
	c.out = bufpool.Grown(c.out, n)
}

// queue is a list of streams.
type queue struct{ head, tail *Stream }

// enqueueLocked puts a stream among those that have something to send, unless it is there, or its window is empty.
func (c *Conn) enqueueLocked(s *Stream) {
	if s.queued || s.localEnded || len(s.out) == 0 && !s.lastOut || len(s.out) > 0 && s.sendWindow <= 0 {
		return
	}
	s.queued = true
	u := s.priority.Urgency
	q := &c.queue[u]
	if q.head == nil {
		q.head = s
		c.queued |= 1 << u
	} else {
		q.tail.next = s
	}
	q.tail = s
}

func (c *Conn) dequeueLocked(s *Stream) {
	if !s.queued {
		return
	}
	u := s.priority.Urgency
	q := &c.queue[u]
	var before *Stream
	for x := q.head; x != s; x = x.next {
		before = x
	}
	if before == nil {
		q.head = s.next
	} else {
		before.next = s.next
	}
	if q.tail == s {
		q.tail = before
	}
	if q.head == nil {
		c.queued &^= 1 << u
	}
	s.queued, s.next = false, nil
}

// fillLocked frames what waits: the most urgent first, and in turns where answers are of use in parts (RFC 9218 §10). It returns
// streams that have ended, linked by next.
func (c *Conn) fillLocked() (ended *Stream) {
	gathered := 0
	for c.queued != 0 && len(c.out) < maxOut && gathered < maxGathered && c.gone == nil {
		u := bits.TrailingZeros8(c.queued)
		s := c.queue[u].head
		n := int(min(int64(len(s.out)), c.sendWindow, s.sendWindow, int64(c.maxFrame)))
		if n <= 0 && len(s.out) > 0 {
			if c.sendWindow <= 0 {
				return ended
			}
			c.dequeueLocked(s) // until the client gives it room
			continue
		}
		gather := n >= gatherFrom && !c.blocking
		if gather {
			gathered += n
		} else {
			n = c.frameRoomLocked(s, n)
		}
		c.dataLockedOut(s, s.out[:n], gather)
		s.out = s.out[n:]
		if s.counting && len(s.out) <= s.rest {
			c.sentLocked(s)
			c.countLocked(s)
		}
		switch {
		case len(s.out) == 0:
			c.dequeueLocked(s)
			if s.sending == 0 {
				ended = c.framedLocked(s, ended)
			}
		case s.priority.Incremental && c.queue[u].tail != s:
			c.dequeueLocked(s)
			c.enqueueLocked(s)
		}
	}
	return ended
}

// framedLocked is called when all that a stream had has gone, and adds it to those that have ended if it has.
func (c *Conn) framedLocked(s, ended *Stream) *Stream {
	s.wakeLocked()
	var a after
	switch {
	case s.reset != nil:
		a = c.closeLocked(s)
	case s.localEnded:
		a = c.endedLocked(s)
	}
	if a.ended != nil {
		a.ended.next, ended = ended, a.ended
	}
	return ended
}

// piece is a part of a body that is written from where it lies: behind the first at bytes of the output.
type piece struct {
	at     int
	data   []byte
	stream *Stream
}

const (
	// gatherFrom is the size from which the rest of a frame is not copied, maxGathered how much of it goes in one write, in bytes.
	gatherFrom  = 4 << 10
	maxGathered = 128 << 10
)

// vectorLocked is what is to be written, with the pieces in their places.
func (c *Conn) vectorLocked() (bufs [][]byte, size int) {
	bufs = c.vector[:0]
	from := 0
	for i := range c.pieces {
		bufs = append(bufs, c.writeBuf[from:c.pieces[i].at], c.pieces[i].data)
		from = c.pieces[i].at
		size += len(c.pieces[i].data)
	}
	bufs = append(bufs, c.writeBuf[from:])
	c.vector = bufs
	return bufs, size + len(c.writeBuf)
}

// sentPiecesLocked lets go of the pieces of which, with all else, n bytes were written. What is left of them is copied: it belongs to
// handlers that may go on now.
func (c *Conn) sentPiecesLocked(n int, ended *Stream) *Stream {
	bufs, size := c.vectorLocked()
	if n < size {
		rest := bufpool.Get(size - n)[:0]
		for _, b := range bufs {
			k := min(n, len(b))
			n -= k
			rest = append(rest, b[k:]...)
		}
		bufpool.Put(c.writeBuf)
		c.writeBuf, c.written = rest, 0
	} else {
		c.written = len(c.writeBuf)
	}
	for i := range c.pieces {
		s := c.pieces[i].stream
		if s.sending--; s.sending == 0 && len(s.out) == 0 {
			ended = c.framedLocked(s, ended)
		}
	}
	clear(c.pieces)
	clear(c.vector)
	c.pieces = c.pieces[:0]
	return ended
}

// frameRoomLocked makes room for a frame with n bytes of what the stream sends, and for those behind it, as far as a pooled buffer has it.
// It returns how many bytes fit into the frame: all, or, since less than maxOut was rendered, some thousands.
func (c *Conn) frameRoomLocked(s *Stream, n int) int {
	left := bufpool.Output - len(c.out)
	c.roomLocked(min(left, len(s.out)+(len(s.out)/c.maxFrame+1)*frameHeaderSize))
	return min(n, left-frameHeaderSize)
}

// dataLockedOut frames p, and the end of the response when nothing is left behind it. With gather p is not copied: whoever owns it waits
// until sending is zero again.
func (c *Conn) dataLockedOut(s *Stream, p []byte, gather bool) {
	last := s.lastOut && len(p) == len(s.out)
	trailers := last && s.res.Trailers().Len() > 0
	if len(p) > 0 || last && !trailers {
		var flags uint8
		if last && !trailers {
			flags = flagEndStream
		}
		if gather {
			c.roomLocked(frameHeaderSize)
			c.out = appendFrameHead(c.out, len(p), frameData, flags, s.id)
			c.pieces = append(c.pieces, piece{len(c.out), p, s})
			s.sending++
		} else {
			c.roomLocked(frameHeaderSize + len(p))
			c.out = append(appendFrameHead(c.out, len(p), frameData, flags, s.id), p...)
		}
		c.sendWindow -= int64(len(p))
		s.sendWindow -= int64(len(p))
		s.res.BodySize += int64(len(p))
		c.meter.taken += int64(len(p))
	}
	if trailers {
		c.trailersLocked(s)
	}
	if last {
		s.localEnded = true
	}
}

// endedLocked is called when the last frame of a response was rendered.
func (c *Conn) endedLocked(s *Stream) after {
	if !s.running && !s.remoteEnded {
		c.sendResetLocked(s, NoError)
	}
	return c.closeLocked(s)
}

// sendLocked sends p, which the stream has nothing before. What cannot go at once waits in s.out. It reports whether all went.
func (c *Conn) sendLocked(s *Stream, p []byte, last bool) bool {
	s.out, s.lastOut = p, last
	if c.queued == 0 && int64(len(p)) <= min(c.sendWindow, s.sendWindow, int64(c.maxFrame)) && len(c.out)+frameHeaderSize+len(p) <= maxOut || len(p) == 0 {
		c.dataLockedOut(s, p, false)
		s.out = nil
		return true
	}
	c.enqueueLocked(s)
	return false
}

// sentLocked ends the measurement of what waited.
func (c *Conn) sentLocked(s *Stream) {
	if s.counting {
		s.counting = false
		c.wroteLocked()
	}
}

// countLocked begins to measure how fast the client takes what waits, a part at a time: a client that takes nothing is not given the
// time of a whole answer.
func (c *Conn) countLocked(s *Stream) {
	if n := len(s.out); !s.counting && n > 0 {
		s.counting = true
		part := min(n, maxOut)
		s.rest = n - part
		c.writingLocked(int64(part))
	}
}

// flushAndUnlock writes what waits, unless the reader will at the end of Process, and releases mu.
func (c *Conn) flushAndUnlock() {
	if c.processing {
		c.mu.Unlock()
		return
	}
	c.writeAndUnlock()
}

// flushAndUnlock is Conn's for a handler. On the reader's goroutine it does not wait for the end of Process: the handler is about to do
// something else.
func (s *Stream) flushAndUnlock() {
	if s.conn.inline == s {
		s.conn.writeAndUnlock()
		return
	}
	s.conn.flushAndUnlock()
}

// writeAndUnlock writes what waits, unless somebody does, and releases mu.
func (c *Conn) writeAndUnlock() {
	if c.writing || c.full || len(c.out) == 0 && c.queued == 0 && c.written == len(c.writeBuf) {
		c.mu.Unlock()
		return
	}
	c.writing = true
	if c.blocking {
		c.mu.Unlock()
		go c.write()
		return
	}
	c.mu.Unlock()
	c.write()
}

// Writable is called when the wire takes bytes again.
func (c *Conn) Writable() {
	c.mu.Lock()
	c.full = false
	c.writeAndUnlock()
}

// write writes until nothing waits, or the wire is full. writing is set.
func (c *Conn) write() {
	var ended *Stream
	c.mu.Lock()
	stalled := c.stalled // then what goes is what the client takes
	for {
		if c.written == len(c.writeBuf) {
			if c.stalled {
				c.stalled = false
				c.wroteLocked()
			}
			if more := c.fillLocked(); more != nil {
				last := more
				for last.next != nil {
					last = last.next
				}
				last.next, ended = ended, more
			}
			if len(c.out) == 0 {
				break
			}
			c.writeBuf, c.out, c.written = c.out, c.writeBuf[:0], 0
		}
		var n, size int
		var err error
		if len(c.pieces) > 0 {
			var bufs [][]byte
			bufs, size = c.vectorLocked()
			c.mu.Unlock()
			n, err = c.wire.Writev(bufs)
			c.mu.Lock()
			ended = c.sentPiecesLocked(n, ended)
		} else {
			p := c.writeBuf[c.written:]
			size = len(p)
			c.mu.Unlock()
			n, err = c.wire.Write(p)
			c.mu.Lock()
			c.written += n
		}
		c.meter.went += int64(n)
		if stalled {
			c.meter.taken += int64(n)
		}
		if err != nil {
			c.endTurnLocked()
			c.out, c.writeBuf, c.written = nil, nil, 0
			c.mu.Unlock()
			c.releaseAll(ended)
			c.lost(httpcommon.ErrClientDisconnected)
			c.handler.Wake()
			return
		}
		if n < size {
			c.full = true
			c.endTurnLocked()
			if !c.stalled {
				c.stalled = true
				c.writingLocked(int64(size - n))
			}
			c.mu.Unlock()
			c.releaseAll(ended)
			c.wire.NotifyWritable()
			return
		}
	}
	c.controls = 0
	c.endTurnLocked()
	c.releaseLocked()
	wake := c.overLocked() && !c.processing && c.gone == nil
	c.mu.Unlock()
	c.releaseAll(ended)
	if wake && ended != nil {
		c.handler.Wake()
	}
}

// endTurnLocked ends a turn of writing.
func (c *Conn) endTurnLocked() {
	c.writing = false
	c.idleWrite.Broadcast()
}

// releaseLocked gives back the output's memory, unless it is about to be used again.
func (c *Conn) releaseLocked() {
	if c.processing || c.writing || len(c.out) > 0 || c.written < len(c.writeBuf) {
		return
	}
	bufpool.Put(c.out)
	bufpool.Put(c.writeBuf)
	c.out, c.writeBuf, c.written = nil, nil, 0
}

func (c *Conn) releaseAll(ended *Stream) {
	for ended != nil {
		s := ended
		ended, s.next = s.next, nil
		c.release(s)
	}
}
