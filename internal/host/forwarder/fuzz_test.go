package forwarder

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// FuzzResponseHead: what the parser accepts can be sent on as it is, and another parser that accepts it sees the same
// message, so that the two ends cannot be made to disagree.
func FuzzResponseHead(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello",
		"HTTP/1.1 200\nTransfer-Encoding: chunked\n\n",
		"HTTP/1.0 404 Not Found\r\nConnection: keep-alive, x\r\nKeep-Alive: timeout=5\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink : </a>\r\n\r\nHTTP/1.1 204 \r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 6\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n := headEnd(data, 0)
		if n == 0 {
			return
		}
		var h responseHead
		if h.parse(string(data[:n])) != nil {
			return
		}
		if h.status < 100 || h.status > 999 || h.length < -1 || h.chunked && h.length >= 0 {
			t.Fatalf("accepted %q as %+v", data[:n], h)
		}
		for name, value := range h.fields.All() {
			if !httpcommon.IsToken(name) || !httpcommon.IsFieldValue(value) || value != httpcommon.TrimOWS(value) {
				t.Fatalf("%q: the field %q: %q cannot be sent on", data[:n], name, value)
			}
		}
		r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data[:n])), nil)
		if err != nil {
			return // net/http is stricter in places, so no message is seen differently
		}
		defer r.Body.Close()
		if r.StatusCode != h.status {
			t.Fatalf("%q: status %d here, %d in net/http", data[:n], h.status, r.StatusCode)
		}
		if bodyless := h.status < 200 || h.status == 204 || h.status == 304; !bodyless && h.length >= 0 && r.ContentLength != h.length {
			t.Fatalf("%q: length %d here, %d in net/http", data[:n], h.length, r.ContentLength)
		}
	})
}

// FuzzChunks: the content does not depend on how the bytes arrive, and when net/http decodes it too, it is the same.
func FuzzChunks(f *testing.F) {
	for _, seed := range []string{"5\r\nhello\r\n0\r\n\r\n", "1;x\r\na\r\n2\r\nbc\r\n0\r\nA: b\r\n\r\n", "0\r\n\r\n", "f\r\nabc"} {
		f.Add([]byte(seed), 1)
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		if n < 1 || len(data) > 4096 {
			return
		}
		var whole, pieces framing
		whole.begin(&responseHead{status: 200, chunked: true}, "GET")
		pieces.begin(&responseHead{status: 200, chunked: true}, "GET")
		body, rest, err := decoded(&whole, string(data), len(data))
		other, otherRest, otherErr := decoded(&pieces, string(data), n)
		if (err == nil) != (otherErr == nil) {
			t.Fatalf("%q: %v at once, %v in pieces of %d", data, err, otherErr, n)
		}
		if err != nil {
			return
		}
		if body != other || rest != otherRest || whole.done != pieces.done {
			t.Fatalf("%q: %q+%q at once, %q+%q in pieces of %d", data, body, rest, other, otherRest, n)
		}
		if !whole.done {
			return
		}
		head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head+string(data))), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if theirs, err := io.ReadAll(r.Body); err == nil && string(theirs) != body {
			t.Fatalf("%q: %q here, %q in net/http", data, body, theirs)
		}
	})
}
