package clienthello

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Recorder takes the ClientHello out of what a client sends, in pieces of any size. The zero value is ready. It holds no more than has
// come of the message. It is not for several goroutines at a time.
type Recorder struct {
	message []byte
	want    int // the size of the message; 0 while that is not known
	header  [recordHeader]byte
	headed  int // bytes of the record's header that have come
	left    int // bytes of the record that have not
	err     error
}

// Record takes the next bytes and returns the message with its header of four bytes (RFC 8446 §4), without those of records, when it is
// whole. Until then the error is ErrShort. Another is for good: ErrNotTLS, or that the message is larger than MaxSize. What follows the
// message is passed over. p is neither changed nor kept.
func (r *Recorder) Record(p []byte) (message []byte, err error) {
	for r.err == nil && !r.whole() {
		if len(p) == 0 {
			return nil, ErrShort
		}
		if r.left == 0 {
			p = p[r.recordBegins(p):]
			continue
		}
		n := min(len(p), r.left)
		r.message = append(r.message, p[:n]...)
		p, r.left = p[n:], r.left-n
		r.sized()
	}
	if r.err != nil {
		r.message = nil
		return nil, r.err
	}
	return r.message, nil
}

func (r *Recorder) whole() bool { return r.want > 0 && len(r.message) == r.want }

// recordBegins takes bytes of a record's header, and returns how many.
func (r *Recorder) recordBegins(p []byte) int {
	n := copy(r.header[r.headed:], p)
	r.headed += n
	h := r.header[:r.headed]
	if h[0] != recordHandshake || len(h) > 1 && h[1] >= 0x10 { // else the version is to be ignored (RFC 8446 §5.1)
		r.err = ErrNotTLS
	}
	if r.headed == recordHeader {
		r.headed = 0
		if r.left = int(binary.BigEndian.Uint16(h[3:])); r.left == 0 || r.left > maxRecord {
			r.err = ErrNotTLS
		}
	}
	return n
}

// sized looks at the beginning of the message, which says how large it is.
func (r *Recorder) sized() {
	switch {
	case r.message[0] != typeClientHello:
		r.err = ErrNotTLS
	case r.want == 0 && len(r.message) >= messageHeader:
		size := int(binary.BigEndian.Uint32(r.message) & (1<<24 - 1))
		if size > MaxSize {
			r.err = fmt.Errorf("clienthello: a message of %d bytes, more than %d", size, MaxSize)
		}
		r.want = messageHeader + size
	}
	if r.want > 0 && len(r.message) >= r.want {
		r.message = slices.Clone(r.message[:r.want]) // it may be kept: without room
	}
}
