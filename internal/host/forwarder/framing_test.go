package forwarder

import (
	"strings"
	"testing"
)

// decoded feeds wire to a framing in pieces of n bytes, as conn does: what is not used up is offered again with more.
func decoded(m *framing, wire string, n int) (body string, rest string, err error) {
	var out strings.Builder
	var pending []byte
	for wire != "" && !m.done {
		k := min(n, len(wire))
		pending = append(pending, wire[:k]...)
		wire = wire[k:]
		content, used, err := m.take(pending)
		if err != nil {
			return out.String(), "", err
		}
		out.Write(content)
		pending = append([]byte(nil), pending[used:]...)
	}
	return out.String(), string(pending) + wire, nil
}

func TestChunkedBodiesAreDecodedHoweverTheyArrive(t *testing.T) {
	for _, tt := range []struct{ wire, body, trailers, why string }{
		{"5\r\nhello\r\n0\r\n\r\nREST", "hello", "", "one chunk"},
		{"2\r\nhe\r\n003\r\nllo\r\n0\r\n\r\nREST", "hello", "", "leading zeros are digits like others"},
		{"A;x=\"y\"\r\n0123456789\r\n0;last\r\n\r\nREST", "0123456789", "", "extensions are ignored"},
		{"5  \r\nhello\r\n0\r\n\r\nREST", "hello", "", "some programs pad the size with blanks"},
		{"0\r\n\r\nREST", "", "", "no content"},
		{"1\r\nx\r\n0\r\nGrpc-Status: 0\r\nA : b\r\n\r\nREST", "x", "Grpc-Status=0 A=b ", "trailers"},
	} {
		for n := 1; n <= len(tt.wire); n++ {
			var m framing
			m.begin(&responseHead{status: 200, chunked: true}, "GET")
			body, rest, err := decoded(&m, tt.wire, n)
			trailers := ""
			for name, value := range m.trailers.All() {
				trailers += name + "=" + value + " "
			}
			if err != nil || !m.done || body != tt.body || trailers != tt.trailers || rest != "REST" {
				t.Fatalf("%s, in pieces of %d: body %q, trailers %q, rest %q, %v", tt.why, n, body, trailers, rest, err)
			}
		}
	}
}

func TestBrokenChunksAreRefused(t *testing.T) {
	for _, tt := range []struct{ wire, why string }{
		{"x\r\n", "no number"},
		{"\r\n", "no size"},
		{";x\r\n", "an extension without a size"},
		{"-1\r\n", "a sign"},
		{"1\nx\r\n", "a size line that ends with a bare LF"},
		{"1\rx", "a bare CR in a size line"},
		{"1\r\nxy\r\n", "more content than the size says"},
		{"1\r\nx\rz", "a bare CR after content"},
		{"1\r\nx\n", "a bare LF after content"},
		{"1000000000000000\r\n", "a size of 61 bits"},
		{"1;" + strings.Repeat("x", maxSizeLine), "a size line without end"},
		{"0\r\nA b\r\n\r\n", "a trailer without a colon"},
		{"0\r\nA: b\r\n c\r\n\r\n", "a folded trailer"},
	} {
		for _, n := range []int{1, len(tt.wire)} {
			var m framing
			m.begin(&responseHead{status: 200, chunked: true}, "GET")
			if body, rest, err := decoded(&m, tt.wire, n); err == nil {
				t.Errorf("%s, in pieces of %d: accepted with body %q, rest %q", tt.why, n, body, rest)
			}
		}
	}
}

func TestHowTheBodyEnds(t *testing.T) {
	for _, tt := range []struct {
		h      responseHead
		method string
		wire   string
		body   string
		rest   string
		done   bool
		why    string
	}{
		{responseHead{status: 200, length: 3}, "GET", "abcREST", "abc", "REST", true, "Content-Length counts"},
		{responseHead{status: 200, length: 0}, "GET", "REST", "", "REST", true, "nothing to come"},
		{responseHead{status: 200, length: 3}, "HEAD", "REST", "", "REST", true, "HEAD has no body whatever it says (RFC 9112 §6.3)"},
		{responseHead{status: 304, length: 3}, "GET", "REST", "", "REST", true, "nor has 304"},
		{responseHead{status: 204, chunked: true, length: -1}, "GET", "REST", "", "REST", true, "nor has 204"},
		{responseHead{status: 200, length: -1}, "GET", "abcREST", "abcREST", "", false, "else the connection's end is the body's"},
		{responseHead{status: 205, length: 2}, "GET", "abREST", "ab", "REST", true, "205 is framed like others"},
	} {
		var m framing
		m.begin(&tt.h, tt.method)
		body, rest, err := decoded(&m, tt.wire, len(tt.wire))
		if body != tt.body || rest != tt.rest || m.done != tt.done || err != nil {
			t.Errorf("%s: body %q, rest %q, done %v, %v", tt.why, body, rest, m.done, err)
		}
	}
}
