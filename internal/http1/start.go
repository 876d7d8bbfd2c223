package http1

import (
	"slices"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Starting runs what OnStarting registered, last first. start calls it; so does an upgrade, whose 101 is a response, too.
func (s *Response) Starting() error {
	for len(s.onStarting) > 0 {
		last := len(s.onStarting) - 1
		fn := s.onStarting[last]
		s.onStarting = s.onStarting[:last]
		if err := httpcommon.Guard(fn); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// start runs OnStarting, fixes the header section and renders it. next is the size of the write that causes it; whole
// says that the body is complete in held.
func (s *Response) start(next int64, whole bool) error {
	if err := s.Starting(); err != nil {
		return err
	}
	if s.started {
		return s.err // by a write in OnStarting
	}
	if err := s.check(next); err != nil {
		return s.fail(err) // not started: the server can still answer 500
	}
	c := s.conn
	c.mu.Lock()
	s.started = true
	s.render(whole)
	if s.framing == framingLength && int64(len(s.held)) == s.left && c.fitsLocked(s.held) { // as write does it, with one lock
		c.out = append(bufpool.Grown(c.out, len(s.held)), s.held...)
		s.bodySize += s.left
		s.held, s.left = s.held[:0], 0
	}
	c.mu.Unlock()
	if s.framing == framingChunked {
		return nil // what is held becomes a chunk
	}
	held := s.held
	s.held = s.held[:0]
	_, err := s.write(held)
	return err
}

func (s *Response) hasBody() bool {
	return s.conn.req.method != "HEAD" && httpcommon.BodyAllowed(s.status)
}

// check looks for what must not be sent: a field that could end the header section, a length that is none or that is
// exceeded already, a status that is not final.
func (s *Response) check(next int64) error {
	length, err := httpcommon.CheckResponse(s.status, &s.header)
	if err != nil {
		return err
	}
	if length >= 0 && next+int64(len(s.held)) > length && s.hasBody() {
		s.overrun = true
		return errTooManyBytes
	}
	return nil
}

// finish completes the response after the application returned without an error.
func (s *Response) finish() error {
	if s.started && s.err == errTooManyBytes && s.whole() {
		s.conn.handler.Failed(s.err) // the response is what it says; the connection ends after it
		s.err = nil
	}
	if s.err != nil {
		return s.err
	}
	if !s.started {
		if err := s.start(0, true); err != nil {
			return err
		}
	}
	if s.framing == framingChunked {
		return s.finishChunked()
	}
	if s.framing == framingLength && s.left > 0 {
		return s.fail(errTooFewBytes)
	}
	return nil
}

// whole reports whether the client has all it was promised by a started response, without its end being the connection's.
func (s *Response) whole() bool {
	return s.framing == framingNone || s.framing == framingLength && s.left == 0
}

func (s *Response) finishChunked() error {
	if err := s.sendHeld(); err != nil {
		return err
	}
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := len(c.out)
	c.out = append(c.out, "0\r\n"...)
	for name, value := range s.trailer.All() {
		if httpcommon.IsToken(name) && httpcommon.IsFieldValue(value) && !httpcommon.ForbiddenTrailer(name) {
			c.out = httpcommon.AppendField(c.out, name, value)
		}
	}
	c.out = append(c.out, "\r\n"...)
	s.bodySize += int64(len(c.out) - waiting)
	return nil
}

// replace discards what the application prepared and makes s an empty answer with that status.
func (s *Response) replace(status int) {
	s.header.Reset()
	s.trailer.Reset()
	s.onStarting = s.onStarting[:0]
	s.held = s.held[:0]
	s.err, s.status, s.overrun = nil, status, false
}

// completed runs OnCompleted, last registered first; a panic in one does not keep the others from running.
func (s *Response) completed() {
	for _, fn := range slices.Backward(s.onCompleted) {
		if err := httpcommon.Guard(fn); err != nil {
			s.conn.handler.Failed(err)
		}
	}
}
