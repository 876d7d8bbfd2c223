package http3

import (
	"errors"
	"io"
	"os"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// Body reads the content of a request. One goroutine at a time reads.
type Body struct {
	muxcommon.Body
	stream   *Stream
	left     uint64 // of the DATA frame that is being read
	trailers bool   // they have come
}

// Read reads content. Errors are *httpcommon.BadRequestError when the client is at fault, and last.
func (b *Body) Read(p []byte) (int, error) {
	s := b.stream
	if err := b.Begin(&s.req.Head, &s.res.Response); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if cause := s.Cause(); cause != nil {
		return 0, b.End(cause)
	}
	s.meter.reading.Store(true)
	n, err := b.read(p)
	s.meter.reading.Store(false)
	if n > 0 {
		if err := b.Took(n); err != nil {
			return 0, err
		}
	}
	switch err {
	case nil:
	case io.EOF:
		b.End(err)
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
	if err != nil {
		return err
	}
	return b.check(false)
}

// check holds what was received so far, which is all when whole, against the Content-Length.
func (b *Body) check(whole bool) error {
	if bad := muxcommon.CheckLength(&b.stream.req.Head, b.stream.received.Load(), whole); bad != nil {
		return bad
	}
	return nil
}

// advance goes on to the next DATA frame. It returns io.EOF at the end of the content.
func (b *Body) advance() error {
	s := b.stream
	f, err := s.content()
	switch {
	case err == io.EOF:
		if err := b.check(true); err != nil {
			return err
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
		return b.End(&httpcommon.BadRequestError{Status: 400, Reason: broken.Reason, Detail: broken.Detail})
	case s.meter.late.Load() && errors.Is(err, os.ErrDeadlineExceeded):
		return b.End(errBodyLate)
	case errors.As(err, &bad):
		if bad.Status == 400 {
			s.Abort(MessageError, bad) // RFC 9114 §4.1.2
			if e := s.conn.spend(abuseMadeReset); e != nil {
				s.conn.fail(e)
			}
		}
		return b.End(bad)
	}
	if err = s.failed(err); err == os.ErrDeadlineExceeded {
		return err
	}
	return b.End(err)
}
