package http3

import (
	"encoding/binary"

	"github.com/lannerhq/lanner/internal/httpcommon"
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

// render renders the header section. When whole, the body is complete in held.
func (r *Response) render(whole bool) {
	cfg := r.stream.conn.cfg
	r.started = true
	b, at := beginHeaders(r.out)
	b = appendStatus(b, r.status)
	date, server, length := cfg.Date != nil, cfg.ServerHeader != "", whole && r.left < 0
	for name, value := range r.header.All() {
		switch len(name) {
		case len("Date"):
			if httpcommon.EqualFold(name, "Date") {
				date = false
				if value == "" {
					continue // "no Date", as the bridge says it
				}
			}
		case len("Server"):
			server = server && !httpcommon.EqualFold(name, "Server")
		case len("Content-Length"):
			if httpcommon.EqualFold(name, "Content-Length") && r.status == 204 {
				continue
			}
		}
		if httpcommon.Sendable(name) {
			b = appendField(b, name, value)
		}
	}
	if length && httpcommon.BodyAllowed(r.status) && (!r.bodyless || len(r.held) > 0) && r.trailer.Len() == 0 {
		b = appendNumber(b, entryContentLength, int64(len(r.held)))
	}
	if date {
		b = appendEntry(b, fieldNamed, entryDate, cfg.Date())
	}
	if server {
		b = appendEntry(b, fieldNamed, entryServer, cfg.ServerHeader)
	}
	endHeaders(b, at)
	r.headSize = len(b) - at
	r.out = b
}

// appendInterim appends a 1xx response.
func appendInterim(b []byte, status int, h *httpcommon.Headers) []byte {
	b, at := beginHeaders(b)
	b = appendStatus(b, status)
	if h != nil {
		for name, value := range h.All() {
			if httpcommon.IsToken(name) && httpcommon.IsFieldValue(value) && httpcommon.Sendable(name) && !httpcommon.EqualFold(name, "Content-Length") {
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
		if httpcommon.IsToken(name) && httpcommon.IsFieldValue(value) && httpcommon.Sendable(name) && !httpcommon.ForbiddenTrailer(name) {
			b = appendField(b, name, value)
		}
	}
	endHeaders(b, at)
	return b
}
