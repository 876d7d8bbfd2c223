package http1

import "github.com/lannerhq/lanner/internal/httpcommon"

// chunkDecoder is the chunked transfer coding (RFC 9112 §7.1) as a state machine over bytes. It is strict where the end of
// something is at stake: every line ends in CRLF, and neither CR nor LF stands alone anywhere, not even in a quoted
// extension (CVE-2025-55315, CVE-2025-22871: a front end that ends such a line elsewhere would see other requests). What a
// chunk extension says is skipped, as Kestrel does.
type chunkDecoder struct {
	state      uint8
	digits     uint8
	size       int64 // of the chunk being read; what is left of it in chunkData
	field      []byte
	maxField   int   // of one line of the trailer section
	fieldBytes int64 // of the trailer section so far, without its last line
}

const (
	chunkSize uint8 = iota
	chunkExt
	chunkExtQuoted
	chunkExtEscape
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailer
	chunkDone
)

// maxChunkDigits keeps a size within 31 bits, as Kestrel does.
const maxChunkDigits = 8

// decode reads framing from in until data, the end or the end of in. It returns how many bytes of framing it used and how
// many bytes of data follow them in in.
func (d *chunkDecoder) decode(in []byte, trailer func(line []byte) error) (framing, data int, err error) {
	for i := 0; i < len(in); {
		switch d.state {
		case chunkData:
			n := int(min(d.size, int64(len(in)-i)))
			return i, n, nil
		case chunkDone:
			return i, 0, nil
		case chunkTrailer:
			used, err := d.trailerLine(in[i:], trailer)
			if err != nil {
				return i, 0, err
			}
			i += used
		default:
			if err := d.step(in[i]); err != nil {
				return i, 0, err
			}
			i++
		}
		if d.state == chunkDone {
			return i, 0, nil
		}
	}
	return len(in), 0, nil
}

// took tells that n bytes of data were used.
func (d *chunkDecoder) took(n int) {
	d.size -= int64(n)
	if d.size == 0 {
		d.state = chunkDataCR
	}
}

func (d *chunkDecoder) step(c byte) error {
	switch d.state {
	case chunkSize:
		return d.sizeByte(c)
	case chunkExt, chunkExtQuoted, chunkExtEscape:
		return d.extByte(c)
	case chunkSizeLF:
		if c != '\n' {
			return errBadChunkExt
		}
		d.digits = 0
		d.state = chunkData
		if d.size == 0 {
			d.state = chunkTrailer
		}
		return nil
	case chunkDataCR:
		if c != '\r' {
			return errBadChunkSuffix
		}
		d.state = chunkDataLF
		return nil
	default: // chunkDataLF
		if c != '\n' {
			return errBadChunkSuffix
		}
		d.state = chunkSize
		return nil
	}
}

func (d *chunkDecoder) sizeByte(c byte) error {
	if v := httpcommon.HexValue(c); v >= 0 {
		d.digits++
		d.size = d.size<<4 | int64(v)
		if d.digits > maxChunkDigits || d.size > 1<<31-1 {
			return errBadChunkSize
		}
		return nil
	}
	switch {
	case d.digits == 0:
		return errBadChunkSize
	case c == '\r':
		d.state = chunkSizeLF
	case c == ';':
		d.state = chunkExt
	default:
		return errBadChunkSize
	}
	return nil
}

func (d *chunkDecoder) extByte(c byte) error {
	switch {
	case d.state == chunkExtEscape:
		d.state = chunkExtQuoted
	case d.state == chunkExtQuoted && c == '\\':
		d.state = chunkExtEscape
		return nil
	case d.state == chunkExtQuoted && c == '"':
		d.state = chunkExt
		return nil
	case d.state == chunkExt && c == '"':
		d.state = chunkExtQuoted
		return nil
	case d.state == chunkExt && c == '\r':
		d.state = chunkSizeLF
		return nil
	}
	if c == '\r' || c == '\n' || c == 0 || c == 0x7f || c < ' ' && c != '\t' {
		return errBadChunkExt
	}
	return nil
}

// trailerLine collects one line of the trailer section, and ends the body at the empty one.
func (d *chunkDecoder) trailerLine(in []byte, trailer func(line []byte) error) (int, error) {
	if len(d.field) == 0 && len(in) >= 2 && in[0] == '\r' && in[1] == '\n' { // nothing to collect, as mostly
		d.state = chunkDone
		return 2, nil
	}
	for i, c := range in {
		d.field = append(d.field, c)
		if c != '\n' {
			if len(d.field) > 2 && len(d.field) > d.maxField {
				return i, errHeadersTooLarge
			}
			d.fieldBytes++
			continue
		}
		line := d.field[:len(d.field)-1]
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return i, badHeader(line)
		}
		line = line[:len(line)-1]
		if len(line) == 0 {
			d.state = chunkDone
			d.field = nil
			d.fieldBytes-- // its CR
			return i + 1, nil
		}
		d.fieldBytes++
		err := trailer(line)
		d.field = d.field[:0]
		return i + 1, err
	}
	return len(in), nil
}
