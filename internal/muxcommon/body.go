package muxcommon

import (
	"io"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Body is what reading the content of a request has in common. It is the reader's, and no lock guards it.
type Body struct {
	limit   int64 // MaxRequestBodySize of this request
	taken   int64 // bytes read so far
	started bool
	err     error // sticky
}

// noLimit is a limit that no body exceeds.
const noLimit = int64(^uint(0) >> 1)

// Init makes b that of a new request. limit is the largest size in bytes.
func (b *Body) Init(limit int64) { *b = Body{limit: limit} }

// Begin is for the beginning of each Read: it returns the last word, if that is spoken. The first time it refuses content that is announced
// to be too long, and asks for content that the client holds back (RFC 9110 §10.1.1).
func (b *Body) Begin(head *httpcommon.Head, res *Response) error {
	if b.err != nil || b.started {
		return b.err
	}
	b.started = true
	if head.ContentLength() > b.limit {
		b.err = httpcommon.ErrBodyTooLarge
		return b.err
	}
	if head.Expects() {
		_ = res.SendInterim(100, nil) // an error, but that the response has started, shows at the next write
	}
	return nil
}

// Took counts n bytes that were read, of which the reader gets none when they are too many.
func (b *Body) Took(n int) error {
	b.taken += int64(n)
	if b.taken > b.limit {
		b.err = httpcommon.ErrBodyTooLarge
	}
	return b.err
}

// End makes err, or io.EOF, the last word of the body.
func (b *Body) End(err error) error {
	b.err = err
	return err
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

// CheckLength holds what was received of a body, all of it when whole, against the Content-Length of its request.
func CheckLength(head *httpcommon.Head, received int64, whole bool) *httpcommon.BadRequestError {
	switch length := head.ContentLength(); {
	case length < 0:
	case received > length:
		return httpcommon.ErrMoreThanLength
	case whole && received < length:
		return httpcommon.ErrLessThanLength
	}
	return nil
}
