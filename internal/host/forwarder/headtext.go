package forwarder

import (
	"bytes"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// headText is a request head being written. It counts its lines, so that one smuggled in shows.
type headText struct {
	b     []byte
	lines int
}

func (t *headText) text(s string) { t.b = append(t.b, s...) }

func (t *headText) endLine() {
	t.text("\r\n")
	t.lines++
}

func (t *headText) field(name, value string) {
	t.b = httpcommon.AppendField(t.b, name, value)
	t.lines++
}

// intact reports whether there is one line break per line written. A server that let one through in a target or a value
// would let a client write fields of its own, or a second request.
func (t *headText) intact() bool {
	return bytes.Count(t.b, newline) == t.lines && bytes.Count(t.b, carriageReturn) == t.lines && bytes.IndexByte(t.b, 0) < 0
}

var newline, carriageReturn = []byte{'\n'}, []byte{'\r'}

// cookies joins the cookies as RFC 9113 §8.2.3 demands before they leave HTTP/2.
func (t *headText) cookies(h *httpcommon.Headers) {
	separator := "Cookie: "
	for name, value := range h.All() {
		if httpcommon.EqualFold(name, "Cookie") {
			t.text(separator)
			t.text(value)
			separator = "; "
		}
	}
	if separator == "; " {
		t.endLine()
	}
}
