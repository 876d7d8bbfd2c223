package forwarder

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parsed(t *testing.T, text string) (*responseHead, error) {
	t.Helper()
	n := headEnd([]byte(text), 0)
	if n == 0 {
		t.Fatalf("%q has no end", text)
	}
	h := new(responseHead)
	return h, h.parse(text[:n])
}

func TestResponseHeadsThatAreUnderstood(t *testing.T) {
	for _, tt := range []struct {
		text   string
		status int
		fields []string
		length int64
		chunk  bool
		keep   bool
		why    string
	}{
		{"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 200, []string{"A: b"}, -1, false, true, "the plain case"},
		{"HTTP/1.1 200\r\n\r\n", 200, nil, -1, false, true, "no reason phrase and no blank, as some programs have it"},
		{"HTTP/1.1 299 \r\n\r\n", 299, nil, -1, false, true, "an empty reason phrase"},
		{"HTTP/1.1 200 Tr\xe8s bien\r\n\r\n", 200, nil, -1, false, true, "obs-text in the reason phrase"},
		{"HTTP/1.1 200 OK\nA: b\nContent-Length: 3\n\n", 200, []string{"A: b"}, 3, false, true, "LF alone ends a line (RFC 9112 §2.2)"},
		{"HTTP/1.1 200 OK\r\nA:\r\nB: \t x \t\r\n\r\n", 200, []string{"A: ", "B: x"}, -1, false, true, "blanks around values go"},
		{"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", 200, []string{"A: b"}, -1, false, true, "RFC 9112 §5.1: a proxy MUST remove blanks before the colon"},
		{"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nContent-Length: 7, 7\r\n\r\n", 200, nil, 7, false, true, "one length three times is one length (RFC 9110 §8.6)"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", 200, nil, -1, true, true, "codings ignore case"},
		{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 200, nil, -1, false, false, "the worker closes"},
		{"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", 200, nil, 1, false, false, "HTTP/1.0 closes by default"},
		{"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", 200, nil, -1, false, true, "HTTP/1.0 may keep"},
		{"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", 200, nil, -1, true, false, "RFC 9112 §6.1: faulty framing, close afterwards"},
		{"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nTE: x\r\nX: y\r\n\r\n", 200, []string{"X: y"}, -1, false, true, "hop-by-hop fields end here"},
		{"HTTP/1.1 999 X\r\n\r\n", 999, nil, -1, false, true, "any three digits from 100 on"},
	} {
		h, err := parsed(t, tt.text)
		if err != nil {
			t.Errorf("%s: %q: %v", tt.why, tt.text, err)
			continue
		}
		var fields []string
		for name, value := range h.fields.All() {
			fields = append(fields, name+": "+value)
		}
		if diff := cmp.Diff(tt.fields, fields); diff != "" || h.status != tt.status || h.length != tt.length || h.chunked != tt.chunk || h.persistent() != tt.keep {
			t.Errorf("%s: %q: status %d, length %d, chunked %v, kept %v, fields (-want +got):\n%s", tt.why, tt.text, h.status, h.length, h.chunked, h.persistent(), diff)
		}
	}
}

func TestResponseHeadsThatAreRefused(t *testing.T) {
	for _, tt := range []struct{ text, why string }{
		{"\r\nHTTP/1.1 200 OK\r\n\r\n", "an empty line before the status line"},
		{"HTTP/2 200 OK\r\n\r\n", "another version"},
		{"HTTP/1.2 200 OK\r\n\r\n", "a version that does not exist"},
		{"SSH-2.0-OpenSSH\r\n\r\n", "another protocol"},
		{"HTTP/1.1 20 OK\r\n\r\n", "two digits"},
		{"HTTP/1.1 2000 OK\r\n\r\n", "four digits"},
		{"HTTP/1.1 2x0 OK\r\n\r\n", "a letter in the code"},
		{"HTTP/1.1 099 OK\r\n\r\n", "a code below 100"},
		{"HTTP/1.1 200 O\x00K\r\n\r\n", "NUL in the reason phrase"},
		{"HTTP/1.1 200 O\rK\r\n\r\n", "CR in the reason phrase"},
		{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "a folded line (RFC 9112 §5.2: 502)"},
		{"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "a folded first line"},
		{"HTTP/1.1 200 OK\r\nA\r\n\r\n", "no colon"},
		{"HTTP/1.1 200 OK\r\n: b\r\n\r\n", "no name"},
		{"HTTP/1.1 200 OK\r\nA B: c\r\n\r\n", "a blank in a name"},
		{"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", "a bare CR"},
		{"HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", "a control character"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "two lengths"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", "two lengths in one line"},
		{"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "an empty length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", "a sign"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n", "a length beyond 63 bits"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "length and chunks (RFC 9112 §6.3)"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "a coding that cannot be passed on"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "chunked twice"},
	} {
		_, err := parsed(t, tt.text)
		var bad *invalidResponse
		if !errors.As(err, &bad) {
			t.Errorf("%s: %q was accepted (%v)", tt.why, tt.text, err)
		}
	}
}

func TestTheEndOfAHeadIsFoundHoweverItArrives(t *testing.T) {
	for _, text := range []string{"A\r\n\r\nB", "A\n\nB", "A\n\r\nB", "A\r\nC: d\r\n\r\nB\n\n"} {
		want := headEnd([]byte(text), 0)
		scanned, got := 0, 0
		for n := 1; n <= len(text) && got == 0; n++ {
			got = headEnd([]byte(text[:n]), max(scanned-2, 0))
			scanned = n
		}
		if got != want || want == 0 || !strings.HasPrefix(text[want:], "B") {
			t.Errorf("%q: end at %d when received at once, at %d byte by byte", text, want, got)
		}
	}
}

func TestTheKeepAliveHintIsRead(t *testing.T) {
	for value, want := range map[string]time.Duration{"timeout=5": 5 * time.Second, "max=100, Timeout=72": 72 * time.Second, "timeout=0": 0, "timeout=x": 0, "": 0} {
		h := new(responseHead)
		h.keepAlive(value)
		if h.idle != want {
			t.Errorf("Keep-Alive: %s: %v, want %v", value, h.idle, want)
		}
	}
}
