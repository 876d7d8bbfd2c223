package handover

import "io"

// source is where frames come from. A read gives at least one byte or an error
// (io.EOF at the end), and at most one descriptor.
type source interface {
	read(p []byte) (n int, d *Descriptor, err error)
}

// frameReader cuts the stream into frames and gives each its descriptor.
//
// A sender sends a descriptor with its frame's first byte, and the kernel hands
// it out with the read that takes this byte. So the frame that a descriptor
// belongs to begins among the bytes of the descriptor's own read, and a
// descriptor that comes where no frame can begin is a broken rule that is seen
// at once. One read never brings two descriptors: the kernel ends a read behind
// the bytes that one came with.
type frameReader struct {
	src  source
	buf  [4 << 10]byte
	r, w int // buf[r:w] has been read and not used

	// pending came with the latest read. Its frame begins in buf[r:w].
	pending *Descriptor
}

// next returns the next frame. After an error only discard may be called.
func (fr *frameReader) next() (frame, error) {
	if err := fr.fillHeader(); err != nil {
		return frame{}, err
	}
	h, err := parseHeader(fr.buf[fr.r:])
	if err != nil {
		return frame{}, err
	}
	fr.r += headerSize
	f := frame{header: h}
	if h.flags&flagDescriptor != 0 {
		if fr.pending == nil {
			return frame{}, broken("the frame of %s announces a descriptor and none came", h.kind)
		}
		f.descriptor, fr.pending = fr.pending, nil
	}
	f.payload, err = fr.payload(h.length)
	if err == nil && fr.pending != nil && fr.r == fr.w {
		err = broken("a descriptor came that no frame announced")
	}
	if err != nil {
		f.descriptor.Close()
		return frame{}, err
	}
	return f, nil
}

// discard closes the descriptor that no frame has claimed yet.
func (fr *frameReader) discard() {
	fr.pending.Close()
	fr.pending = nil
}

// fillHeader sees to it that a whole header is in buf. Only a read that begins
// with a frame takes more than it needs.
func (fr *frameReader) fillHeader() error {
	if fr.r == fr.w {
		fr.r = 0
		n, d, err := fr.src.read(fr.buf[:])
		fr.w, fr.pending = n, d
		if err != nil {
			return err
		}
	}
	if fr.w-fr.r >= headerSize {
		return nil
	}
	fr.w = copy(fr.buf[:], fr.buf[fr.r:fr.w])
	fr.r = 0
	if err := fr.readRest(fr.buf[fr.w:headerSize]); err != nil {
		return err
	}
	fr.w = headerSize
	return nil
}

// payload returns the n bytes behind a header.
func (fr *frameReader) payload(n int) ([]byte, error) {
	p := make([]byte, n)
	taken := copy(p, fr.buf[fr.r:fr.w])
	fr.r += taken
	if taken < n && fr.pending != nil {
		return nil, broken("a descriptor came that no frame announced")
	}
	return p, fr.readRest(p[taken:])
}

// readRest fills p with bytes of a frame that has begun already.
func (fr *frameReader) readRest(p []byte) error {
	for len(p) > 0 {
		n, d, err := fr.src.read(p)
		if d != nil {
			d.Close()
			return broken("a descriptor came in the middle of a frame")
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}
