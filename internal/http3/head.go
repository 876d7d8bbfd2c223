package http3

import (
	"errors"
	"io"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// fill reads more behind what is read ahead, for which there is room. Its errors are those of QUIC; io.EOF only when nothing came.
func (s *Stream) fill() error {
	if s.r == s.w {
		s.r, s.w = 0, 0
	}
	if s.in == nil {
		s.in = bufpool.Get(bufpool.Small)
	}
	if s.ended {
		return io.EOF
	}
	if s.w == len(s.in) { // what is wanted is less than the buffer, but lies at its end
		s.w = copy(s.in, s.in[s.r:s.w])
		s.r = 0
	}
	n, err := s.q.Read(s.in[s.w:])
	s.w += n
	if err == io.EOF {
		s.ended = true
		if n > 0 {
			return nil
		}
	}
	return err
}

// frame reads the head of the next frame. It returns io.EOF where the stream ends between two frames.
func (s *Stream) frame() (frameHead, error) {
	for {
		if f, n := readFrameHead(s.in[s.r:s.w]); n > 0 {
			s.r += n
			return f, nil
		}
		if err := s.fill(); err != nil {
			if err == io.EOF && s.r < s.w {
				return frameHead{}, errFrameCut
			}
			return frameHead{}, err
		}
	}
}

// payload returns n bytes of the stream, which are read ahead until the next read.
func (s *Stream) payload(n int) ([]byte, error) {
	if n > len(s.in) {
		bigger := bufpool.Get(n)
		s.w = copy(bigger, s.in[s.r:s.w])
		s.r = 0
		bufpool.Put(s.in)
		s.in = bigger
	} else if n > len(s.in)-s.r {
		s.w = copy(s.in, s.in[s.r:s.w])
		s.r = 0
	}
	for s.w-s.r < n {
		if err := s.fill(); err != nil {
			return nil, cut(err)
		}
	}
	p := s.in[s.r : s.r+n]
	s.r += n
	return p, nil
}

// skip drops n bytes of the stream.
func (s *Stream) skip(n uint64) error {
	for at := n; n > 0; {
		if at-n >= maxDropped {
			if e := s.conn.spend(abuseUnknown); e != nil {
				return e
			}
			at = n
		}
		if s.r == s.w {
			if err := s.fill(); err != nil {
				return cut(err)
			}
		}
		k := min(n, uint64(s.w-s.r))
		s.r += int(k)
		n -= k
	}
	return nil
}

// cut is what the end of a stream is within a frame (RFC 9114 §7.1).
func cut(err error) error {
	if err == io.EOF {
		return errFrameCut
	}
	return err
}

// content reads up to the next frame that is HEADERS or DATA, and drops what is to be ignored.
func (s *Stream) content() (frameHead, error) {
	for {
		f, err := s.frame()
		if err != nil {
			return f, err
		}
		content, e := f.onRequestStream()
		if e != nil {
			return f, e
		}
		if content {
			return f, nil
		}
		if e := s.conn.spend(abuseUnknown); e != nil {
			return f, e
		}
		if err := s.skip(f.length); err != nil {
			return f, err
		}
	}
}

// maxSection bounds an encoded field section: it is seldom larger than what it stands for.
func (c *Conn) maxSection() uint64 { return uint64(c.cfg.Limits.MaxRequestHeadersTotalSize) + 4<<10 }

// readHead reads the head of the request, and refuses the request when there is something wrong with it. It reports whether it goes on.
func (s *Stream) readHead() bool {
	f, err := s.content()
	if err == nil && f.kind == frameData {
		err = errDataFirst
	}
	if err == nil {
		err = s.section(f.length, false)
	}
	s.heading.Store(false)
	if err != nil {
		s.headFailed(err)
		return false
	}
	return s.admit()
}

// headFailed ends a request without a head.
func (s *Stream) headFailed(err error) {
	var bad *httpcommon.BadRequestError
	var broken *ConnectionError
	switch {
	case errors.As(err, &broken):
		s.conn.fail(broken)
	case errors.As(err, &bad):
		s.refuse(bad)
	case err == io.EOF: // RFC 9114 §4.1: the stream ended before a request
		s.refuse(errIncomplete)
	case s.meter.late.Load():
		s.answerEarly(errHeadLate)
	default:
		s.failed(err)
		s.abandon(RequestCancelled)
	}
}

// section reads the payload of a HEADERS frame.
func (s *Stream) section(length uint64, trailers bool) error {
	c := s.conn
	if length > c.maxSection() {
		return httpcommon.ErrHeadersTooLarge
	}
	p, err := s.payload(int(length))
	if err != nil {
		return err
	}
	l := &c.cfg.Limits
	var f httpcommon.Fields
	f.Begin(&s.req.Head, trailers, httpcommon.FieldLimits{MaxTotalSize: l.MaxRequestHeadersTotalSize, MaxCount: l.MaxRequestHeaderCount})
	var memory []byte
	if !trailers { // those have memory of their own, which nobody uses again
		memory = s.req.Memory[:0]
	}
	memory, bad, err := decodeSection(p, memory, l.MaxFieldSize, &f)
	if !trailers {
		s.req.Memory = memory
		f.End()
	}
	switch {
	case err != nil:
		return &ConnectionError{DecompressionFailed, "error_reading_headers", err.Error()}
	case bad != nil:
		return bad
	case trailers:
		return nil
	}
	whole := s.ended && s.r == s.w
	rules := httpcommon.HeadRules{MaxRequestLineSize: l.MaxRequestLineSize, Scheme: c.cfg.Scheme, AlternateSchemes: c.cfg.AlternateSchemes}
	if bad := s.req.Finish(&rules, &f, whole); bad != nil {
		return bad
	}
	return nil
}

// admit decides on what is known once the head is.
func (s *Stream) admit() bool {
	if value, set := s.req.Header().Lookup("priority"); set && !s.prioritized {
		s.q.SetPriority(httpcommon.ParsePriority(value))
	} else if s.prioritized {
		s.q.SetPriority(s.priority)
	}
	if s.early {
		if s.conn.cfg.EarlyData == EarlySafe && !safe(s.req.Method()) {
			s.answerEarly(errTooEarly)
			return false
		}
		s.req.Header().Set("early-data", "1") // RFC 8470 §5.1, to whoever decides behind this server
	} else {
		s.req.Header().Del("early-data")
	}
	return true
}

// safe reports whether a method is (RFC 9110 §9.2.1).
func safe(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// refuse ends a request that breaks a rule: those of limits are answered, others reset (RFC 9114 §4.1.2).
func (s *Stream) refuse(bad *httpcommon.BadRequestError) {
	code := MessageError
	switch {
	case bad == errIncomplete:
		code = RequestIncomplete
	case bad.Status == 431 || bad.Status == 414:
		s.answerEarly(bad)
		return
	}
	s.conn.handler.Rejected(s, bad)
	var cause error = bad
	s.cause.CompareAndSwap(nil, &cause)
	s.abandon(code)
	if e := s.conn.spend(abuseMadeReset); e != nil {
		s.conn.fail(e)
	}
}

// answerEarly answers a request that the application does not see.
func (s *Stream) answerEarly(bad *httpcommon.BadRequestError) {
	s.settle(bad)
	if e := s.conn.spend(abuseMadeReset); e != nil {
		s.conn.fail(e)
	}
}

// abandon resets both directions.
func (s *Stream) abandon(code ErrCode) {
	s.q.CancelRead(code)
	s.q.CancelWrite(code)
}
