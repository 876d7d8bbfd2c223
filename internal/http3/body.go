package http3

import (
	"errors"
	"io"
	"os"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Body reads the content of a request. One goroutine at a time reads.
type Body struct {
	stream   *Stream
	left     uint64 // of the DATA frame that is being read
	limit    int64  // MaxRequestBodySize of this request
	taken    int64  // bytes read so far
	started  bool
	trailers bool // they have come
	err      error
}

// Read reads content. Errors are *httpcommon.BadRequestError when the client is at fault, and last.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	s := b.stream
	if !b.started {
		b.started = true
		if s.req.ContentLength() > b.limit {
			b.err = httpcommon.ErrBodyTooLarge
			return 0, b.err
		}
		if s.req.Expects() {
			s.res.invite()
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	if cause := s.Cause(); cause != nil {
		b.err = cause
		return 0, cause
	}
	s.meter.reading.Store(true)
	n, err := b.read(p)
	s.meter.reading.Store(false)
	if n > 0 {
		b.taken += int64(n)
		if b.taken > b.limit {
			b.err = httpcommon.ErrBodyTooLarge
			return 0, b.err
		}
	}
	switch err {
	case nil:
	case io.EOF:
		b.err = err
	default:
		err = b.fail(err)
	}
	return n, err
}

// read reads a part of a DATA frame.
func (b *Body) read(p []byte) (n int, err error) {
	s := b.stream
	for b.left == 0 {
		if err := b.advance(); err != nil {
			return 0, err
		}
	}
	p = p[:min(uint64(len(p)), b.left)]
	switch {
	case s.r < s.w:
	case len(p) >= len(s.in)/2 && !s.ended: // straight into the handler's memory
		n, err = s.q.Read(p)
		if err == io.EOF {
			s.ended = true
			err = nil
			if uint64(n) < b.left {
				err = errFrameCut
			}
		}
		b.left -= uint64(n)
		s.received.Add(int64(n))
		return n, b.count(err)
	default:
		if err := s.fill(); err != nil {
			return 0, cut(err)
		}
	}
	n = copy(p, s.in[s.r:s.w])
	s.r += n
	b.left -= uint64(n)
	s.received.Add(int64(n))
	return n, b.count(nil)
}

// count sees to it that there is no more content than the Content-Length says.
func (b *Body) count(err error) error {
	s := b.stream
	if length := s.req.ContentLength(); err == nil && length >= 0 && s.received.Load() > length {
		return httpcommon.ErrMoreThanLength
	}
	return err
}

// advance goes on to the next DATA frame. It returns io.EOF at the end of the content.
func (b *Body) advance() error {
	s := b.stream
	f, err := s.content()
	switch {
	case err == io.EOF:
		if length := s.req.ContentLength(); length >= 0 && s.received.Load() < length {
			return httpcommon.ErrLessThanLength
		}
		return io.EOF
	case err != nil:
		return err
	case b.trailers:
		return errAfterTrailers
	case f.kind == frameHeaders:
		b.trailers = true
		return s.section(f.length, true)
	case f.length == 0:
		if e := s.conn.spend(abuseEmptyData); e != nil {
			return e
		}
	}
	b.left = f.length
	return nil
}

// fail makes an error the last word, but for a deadline of the application's: that can set another.
func (b *Body) fail(err error) error {
	s := b.stream
	var bad *httpcommon.BadRequestError
	var broken *ConnectionError
	switch {
	case errors.As(err, &broken):
		s.conn.fail(broken)
		b.err = &httpcommon.BadRequestError{Status: 400, Reason: broken.Reason, Detail: broken.Detail}
	case s.meter.late.Load() && errors.Is(err, os.ErrDeadlineExceeded):
		b.err = errBodyLate
	case errors.As(err, &bad):
		b.err = bad
		if bad.Status == 400 {
			s.Abort(MessageError, bad) // RFC 9114 §4.1.2
			if e := s.conn.spend(abuseMadeReset); e != nil {
				s.conn.fail(e)
			}
		}
	default:
		if err = s.failed(err); err != os.ErrDeadlineExceeded {
			b.err = err
		}
		return err
	}
	return b.err
}

// failed reports whether reading has ended otherwise than at the end of the content.
func (b *Body) failed() bool { return b.err != nil && b.err != io.EOF }

// Limit is the largest size of this request's body in bytes, negative for none.
func (b *Body) Limit() int64 {
	if b.limit == noLimit {
		return -1
	}
	return b.limit
}

// SetLimit changes it; false when reading has begun.
func (b *Body) SetLimit(n int64) bool {
	if b.started {
		return false
	}
	if n < 0 {
		n = noLimit
	}
	b.limit = n
	return true
}

const noLimit = int64(^uint(0) >> 1)
