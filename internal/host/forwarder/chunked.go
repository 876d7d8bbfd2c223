package forwarder

// What a chunkDecoder expects next (RFC 9112 §7.1).
const (
	chunkSize     uint8 = iota // digits of a size
	chunkExt                   // an extension, ignored
	chunkSizeLF                // the LF after the size line's CR
	chunkData                  // content
	chunkDataCR                // the CR after content
	chunkDataLF                // its LF
	chunkTrailers              // the last chunk has been read
)

// maxSizeLine bounds a chunk's size line. An extension is of no use to anybody here.
const maxSizeLine = 4096

// chunkDecoder decodes the chunked transfer coding, fed with any pieces of it. Its zero value is at the beginning.
type chunkDecoder struct {
	state  uint8
	digits uint8
	line   int   // bytes of the present size line
	left   int64 // of the present chunk
}

// decode returns the content in b, moved together in place, and the number of bytes that were used up: all of b, unless
// the trailer section begins in it.
func (d *chunkDecoder) decode(b []byte) (content []byte, used int, err error) {
	start, end := 0, 0 // of the content found so far
	for i := 0; i < len(b); {
		switch d.state {
		case chunkTrailers:
			return b[start:end], i, nil
		case chunkData:
			n := int(min(d.left, int64(len(b)-i)))
			if start == end {
				start, end = i, i
			}
			if end != i {
				copy(b[end:], b[i:i+n])
			}
			end += n
			i += n
			d.left -= int64(n)
			if d.left == 0 {
				d.state = chunkDataCR
			}
		default:
			if err := d.control(b[i]); err != nil {
				return nil, 0, err
			}
			i++
		}
	}
	return b[start:end], len(b), nil
}

// control takes one byte that is not content.
func (d *chunkDecoder) control(c byte) error {
	switch d.state {
	case chunkDataCR:
		if c != '\r' {
			return invalid("a chunk does not end where its size says")
		}
		d.state = chunkDataLF
		return nil
	case chunkDataLF:
		if c != '\n' {
			return invalid("a chunk does not end where its size says")
		}
		*d = chunkDecoder{}
		return nil
	case chunkSizeLF:
		if c != '\n' {
			return invalid("a bare CR in the size line of a chunk")
		}
		d.state = chunkData
		if d.left == 0 {
			d.state = chunkTrailers
		}
		return nil
	}
	if d.line++; d.line > maxSizeLine {
		return invalid("the size line of a chunk is longer than 4096 bytes")
	}
	if d.state == chunkSize {
		if v, ok := hexValue(c); ok {
			if d.digits++; d.digits > 15 {
				return invalid("the size of a chunk is beyond any limit")
			}
			d.left = d.left<<4 | v
			return nil
		}
		if d.digits == 0 {
			return invalid("a chunk has no size")
		}
	}
	return d.afterSize(c)
}

// afterSize takes what may follow the digits: blanks (some programs pad the size with them), an extension, or the end.
func (d *chunkDecoder) afterSize(c byte) error {
	switch {
	case c == '\r':
		d.state = chunkSizeLF
	case c == '\n':
		return invalid("the size line of a chunk ends with a bare LF")
	case d.state == chunkExt, c == ';', c == ' ', c == '\t':
		d.state = chunkExt
	default:
		return invalid("the size of a chunk is not a hexadecimal number")
	}
	return nil
}

func hexValue(c byte) (int64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}
