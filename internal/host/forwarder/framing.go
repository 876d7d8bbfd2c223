package forwarder

import (
	"bytes"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// How the end of a response body is told (RFC 9112 §6.3).
const (
	framingUnknown uint8 = iota // the head has not been received
	framingNone
	framingLength
	framingChunked
	framingClose
)

// framing takes a response body out of the bytes received.
type framing struct {
	kind     uint8
	done     bool
	left     int64 // of framingLength
	chunks   chunkDecoder
	scanned  int // of a trailer section
	trailers httpcommon.Headers
}

// begin decides by the rules of RFC 9112 §6.3.
func (m *framing) begin(h *responseHead, method string) {
	*m = framing{kind: framingClose, trailers: m.trailers}
	m.trailers.Reset()
	switch {
	case method == "HEAD" || h.status == 204 || h.status == 304:
		m.kind, m.done = framingNone, true
	case h.chunked:
		m.kind = framingChunked
	case h.length >= 0:
		m.kind, m.left, m.done = framingLength, h.length, h.length == 0
	}
}

// take takes body bytes out of b and returns them, moved together in place, with the number of bytes of b that were used
// up. After done nothing more is taken.
func (m *framing) take(b []byte) (body []byte, used int, err error) {
	switch {
	case m.done:
		return nil, 0, nil
	case m.kind == framingClose:
		return b, len(b), nil
	case m.kind == framingLength:
		n := int(min(m.left, int64(len(b))))
		m.left -= int64(n)
		m.done = m.left == 0
		return b[:n], n, nil
	}
	body, used, err = m.chunks.decode(b)
	if err != nil || m.chunks.state != chunkTrailers {
		return body, used, err
	}
	n, err := m.takeTrailers(b[used:])
	return body, used + n, err
}

// takeTrailers takes the trailer section when it is complete; else it stays where it is until more has arrived.
func (m *framing) takeTrailers(b []byte) (used int, err error) {
	end := 0
	switch {
	case bytes.HasPrefix(b, []byte("\r\n")):
		end = 2
	case bytes.HasPrefix(b, []byte("\n")):
		end = 1
	default:
		end = headEnd(b, max(m.scanned-2, 0))
		m.scanned = len(b)
	}
	if end == 0 {
		return 0, nil
	}
	m.done = true
	if end <= 2 {
		return end, nil
	}
	for line, rest := cutLine(string(b[:end])); line != ""; line, rest = cutLine(rest) {
		name, value, err := splitField(line)
		if err != nil {
			return 0, err
		}
		if !reservedInResponse(name) {
			m.trailers.Add(name, value)
		}
	}
	return end, nil
}

// reservedInResponse names fields that frame or route a response, which cannot be told after its content.
func reservedInResponse(name string) bool {
	for _, f := range [...]string{"Connection", "Content-Length", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding",
		"Upgrade", "Content-Encoding", "Content-Range", "Content-Type", "Set-Cookie"} {
		if httpcommon.EqualFold(name, f) {
			return true
		}
	}
	return false
}
