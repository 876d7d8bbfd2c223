package http1

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
	"unsafe"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// span is a part of the head, as offsets from the head's first byte: bytes may move while a head is incomplete.
type span struct{ from, to uint32 }

type fieldSpan struct{ name, value span }

// head is the state of parsing one message head. It is fed the bytes received so far, again and again with more of them,
// and looks at each line once.
type head struct {
	phase      uint8
	line       int // where the line being looked at begins
	scanned    int // how far its end has been looked for
	fieldsSize int
	method     span
	target     span
	minor      uint8
	fields     []fieldSpan
}

const (
	phaseRequestLine uint8 = iota
	phaseFields
)

func (h *head) reset() {
	h.phase, h.line, h.scanned, h.fieldsSize = phaseRequestLine, 0, 0, 0
	h.fields = h.fields[:0]
}

// requestLineIn advances to the end of the request line in b, which begins with the head's first byte. It reports whether
// the line is complete. Like fieldsIn, it looks at the same things in the same order whether or not the end of a line has
// come, so that the answer does not depend on how the bytes were cut.
func (h *head) requestLineIn(b []byte, lim *Limits, compat *Compat) (bool, error) {
	if b[h.line] == tlsHandshake {
		return false, errTLSOverHTTP
	}
	line, next := h.nextLine(b)
	switch {
	case h.lineSize(b, next) > lim.MaxRequestLineSize:
		return false, errLineTooLong
	case next == 0:
		return false, nil
	}
	line, ok := cutCR(line, compat)
	if !ok {
		return false, badRequestLine(line)
	}
	if err := h.requestLine(line, compat); err != nil {
		return false, err
	}
	h.line, h.scanned, h.phase = next, next, phaseFields
	return true, nil
}

// tlsHandshake is the first byte of a TLS connection (RFC 8446 §5.1).
const tlsHandshake = 0x16

// fieldsIn advances over the field lines in b. It returns the size of the head when it is complete, 0 when more is needed.
func (h *head) fieldsIn(b []byte, lim *Limits, compat *Compat) (int, error) {
	for {
		line, next := h.nextLine(b)
		if isEnd(line, next, compat) {
			return next, nil
		}
		size := h.lineSize(b, next)
		switch {
		case next == 0 && (len(line) == 0 || isCR(line)): // it may become the end
			return 0, nil
		case len(line) > 1 && line[0] == '\r':
			return 0, badHeader(line)
		case h.fieldsSize+size > lim.MaxRequestHeadersTotalSize:
			return 0, errHeadersTooLarge
		case next == 0:
			return 0, nil
		}
		line, ok := cutCR(line, compat)
		if !ok {
			return 0, badHeader(line)
		}
		h.fieldsSize += size
		if len(h.fields) >= lim.MaxRequestHeaderCount {
			return 0, errTooManyHeaders
		}
		if err := h.field(line); err != nil {
			return 0, err
		}
		h.line, h.scanned = next, next
	}
}

// nextLine returns what there is of the line that begins at h.line, without its LF, and where the next one begins: 0 when
// its end has not come.
func (h *head) nextLine(b []byte) (line []byte, next int) {
	end := bytes.IndexByte(b[h.scanned:], '\n')
	if end < 0 {
		h.scanned = len(b)
		return b[h.line:], 0
	}
	end += h.scanned
	return b[h.line:end], end + 1
}

// lineSize is the size of the current line with its end, or the least it can have.
func (h *head) lineSize(b []byte, next int) int {
	if next > 0 {
		return next - h.line
	}
	return len(b) - h.line + 1
}

// isEnd reports whether a line is the empty one.
func isEnd(line []byte, next int, compat *Compat) bool {
	return next > 0 && (isCR(line) || len(line) == 0 && compat.LooseLineEndings)
}

// isCR reports whether all that has come of a line is its CR.
func isCR(line []byte) bool { return len(line) == 1 && line[0] == '\r' }

// cutCR takes the CR off a line; a bare LF is no line end, unless compat says so.
func cutCR(line []byte, compat *Compat) ([]byte, bool) {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1], true
	}
	return line, compat.LooseLineEndings
}

// requestLine is RFC 9112 §3: method SP request-target SP HTTP-version.
func (h *head) requestLine(line []byte, compat *Compat) error {
	sp := bytes.IndexByte(line, ' ')
	if sp <= 0 {
		return badRequestLine(line)
	}
	for _, c := range line[:sp] {
		if !httpcommon.IsTokenByte(c) {
			return badRequestLine(line)
		}
	}
	last := bytes.LastIndexByte(line, ' ')
	target, version := line[sp+1:max(last, sp+1)], line[last+1:]
	if compat.LooseRequestLineSpaces {
		target = bytes.TrimRight(target, " ")
	}
	if last <= sp+1 || len(target) == 0 {
		return badRequestLine(line)
	}
	if err := h.version(line, target, version); err != nil {
		return err
	}
	for _, c := range target {
		if c <= ' ' {
			if c == 0 || c == ' ' || c == '\r' {
				return badTarget(line)
			}
		}
	}
	base := uint32(h.line)
	h.method = span{base, base + uint32(sp)}
	h.target = span{base + uint32(sp) + 1, base + uint32(sp) + 1 + uint32(len(target))}
	return nil
}

// version accepts HTTP/1.0 and HTTP/1.1. Another well-formed version is 505, anything else is no request line.
func (h *head) version(line, target, version []byte) error {
	switch {
	case string(version) == "HTTP/1.1":
		h.minor = 1
		return nil
	case string(version) == "HTTP/1.0":
		h.minor = 0
		return nil
	case string(version) == "HTTP/2.0" && string(target) == "*" && string(line[:4]) == "PRI ":
		return errHTTP2Preface
	case len(version) == 8 && httpcommon.EqualFold(string(version[:5]), "HTTP/") && version[6] == '.' && digit(version[5]) && digit(version[7]):
		return badVersion(version)
	}
	return badRequestLine(line)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// field is RFC 9112 §5: field-name ":" OWS field-value OWS. No folding, no space before the colon.
func (h *head) field(line []byte) error {
	colon := 0
	for colon < len(line) && httpcommon.IsTokenByte(line[colon]) {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return badName(line)
	}
	from, to := colon+1, len(line)
	for from < to && (line[from] == ' ' || line[from] == '\t') {
		from++
	}
	for to > from && (line[to-1] == ' ' || line[to-1] == '\t') {
		to--
	}
	if !validValue(line[from:to]) {
		return badHeaderValue(line)
	}
	base := uint32(h.line)
	h.fields = append(h.fields, fieldSpan{
		span{base, base + uint32(colon)},
		span{base + uint32(from), base + uint32(to)},
	})
	return nil
}

// badName says what is wrong with a line that does not begin with a name and a colon.
func badName(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return badHeader(line)
	}
	for _, c := range line[:colon] {
		if !httpcommon.IsTokenByte(c) {
			if c == ' ' || c == '\t' || c == '\r' {
				return badHeader(line)
			}
			break
		}
	}
	return badHeaderName(line)
}

// validValue refuses NUL and CR (RFC 9110 §5.5) and bytes that are not UTF-8 (Kestrel's default decoder). Other control
// characters are let through, as Kestrel does; whoever writes them into a message again must look at them.
func validValue(v []byte) bool {
	for len(v) >= 8 { // eight bytes at once, until one needs a look
		x := binary.LittleEndian.Uint64(v)
		cr := x ^ 0x0d0d0d0d0d0d0d0d
		if (x|(x-ones)|(cr-ones)&^cr)&highs != 0 {
			break
		}
		v = v[8:]
	}
	ascii := true
	for _, c := range v {
		if c == 0 || c == '\r' {
			return false
		}
		ascii = ascii && c < 0x80
	}
	return ascii || utf8.Valid(v)
}

// Of a word without a high bit, x-ones has one where a byte of x is zero (or, seldom, where a lower byte is).
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// text returns a part of the head as a string that shares b's memory.
func (s span) text(b string) string { return b[s.from:s.to] }

func shared(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
