package http3

import (
	"encoding/binary"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// headersRoom is what is left in front of a field section for the head of its frame: the type, and a length of four bytes.
const headersRoom = 5

// beginHeaders begins a HEADERS frame with a field section, endHeaders ends it.
func beginHeaders(b []byte) (out []byte, at int) {
	at = len(b)
	b = append(b, frameHeaders, 0x80, 0, 0, 0)
	return appendSectionPrefix(b), at
}

func endHeaders(b []byte, at int) {
	binary.BigEndian.PutUint32(b[at+1:], uint32(len(b)-at-headersRoom)|2<<30)
}

// render renders the header section. When whole, the body is complete in the buffer.
func (r *Response) render(cfg *Config, whole bool) {
	head := r.BeginHead(whole, muxcommon.Head{Date: cfg.Date != nil, Server: cfg.ServerHeader != ""})
	b, at := beginHeaders(r.out)
	b = appendStatus(b, r.Status())
	h := r.Header()
	for i := range h.Len() {
		if name, value := h.At(i); head.Sends(name, value) {
			b = appendField(b, name, value)
		}
	}
	if head.ContentLength {
		b = appendNumber(b, entryContentLength, int64(len(r.Buffered())))
	}
	if head.Date {
		b = appendEntry(b, fieldNamed, entryDate, cfg.Date())
	}
	if head.Server {
		b = appendEntry(b, fieldNamed, entryServer, cfg.ServerHeader)
	}
	endHeaders(b, at)
	r.HeadSize = len(b) - at
	r.out = b
}

// appendInterim appends a 1xx response.
func appendInterim(b []byte, status int, h *httpcommon.Headers) []byte {
	b, at := beginHeaders(b)
	b = appendStatus(b, status)
	if h != nil {
		for name, value := range h.All() {
			if muxcommon.InterimField(name, value) {
				b = appendField(b, name, value)
			}
		}
	}
	endHeaders(b, at)
	return b
}

// appendTrailers appends the fields behind the body.
func appendTrailers(b []byte, h *httpcommon.Headers) []byte {
	b, at := beginHeaders(b)
	for name, value := range h.All() {
		if muxcommon.TrailerField(name, value) {
			b = appendField(b, name, value)
		}
	}
	endHeaders(b, at)
	return b
}
