package httpconn

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lannerhq/lanner/server"
)

// page is an answer to what is rejected.
func page(r *Rejection) {
	r.Header.Add("Content-Type", "application/json")
	r.Body = []byte(`{"reason":"` + r.Reason + `"}`)
}

func TestTheAnswerToARejectedRequestCanBeChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		send     string
		rejected func(*Rejection)
		want     []string
	}{
		"a rule of the engine": {
			"nonsense\r\n\r\n", page,
			[]string{"HTTP/1.1 400 Bad Request", "Content-Length: 33", "Connection: close", "Content-Type: application/json", "", `{"reason":"invalid_request_line"}`},
		},
		"another status": {
			"GET / HTTP/1.1\r\n\r\n", func(r *Rejection) { r.Status = 421 },
			[]string{"HTTP/1.1 421 Misdirected Request", "Content-Length: 0", "Connection: close", "", ""},
		},
		"a response to HEAD has no body": {
			"HEAD / HTTP/1.1\r\n\r\n", page,
			[]string{"HTTP/1.1 400 Bad Request", "Content-Length: 36", "Connection: close", "Content-Type: application/json", "", ""},
		},
		"a 405 keeps its Allow": {
			"GET * HTTP/1.1\r\nHost: a\r\n\r\n", page,
			[]string{"HTTP/1.1 405 Method Not Allowed", "Content-Length: 33", "Connection: close", "Allow: OPTIONS", "Content-Type: application/json", "", `{"reason":"invalid_request_line"}`},
		},
		"what the application found": {
			"GET /app HTTP/1.1\r\nHost: a\r\n\r\n", page,
			[]string{"HTTP/1.1 413 Request Entity Too Large", "Content-Length: 21", "Connection: close", "Content-Type: application/json", "", `{"reason":"too_long"}`},
		},
		"a panic": {
			"nonsense\r\n\r\n", func(*Rejection) { panic("no") },
			[]string{"HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close", "", ""},
		},
		"a status that is no rejection": {
			"nonsense\r\n\r\n", func(r *Rejection) { r.Status = 200; r.Body = []byte("x") },
			[]string{"HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close", "", ""},
		},
		"too large a body": {
			"nonsense\r\n\r\n", func(r *Rejection) { r.Body = make([]byte, MaxRejectionBody+1) },
			[]string{"HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close", "", ""},
		},
		"too many fields": {
			"nonsense\r\n\r\n", func(r *Rejection) {
				for range MaxRejectionFields + 1 {
					r.Header.Add("A", "b")
				}
			},
			[]string{"HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close", "", ""},
		},
		"a field that would split the response": {
			"nonsense\r\n\r\n", func(r *Rejection) { r.Header.Add("A", "b\r\n\r\nHTTP/1.1 200 OK") },
			[]string{"HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close", "", ""},
		},
		"a field of the framing": {
			"nonsense\r\n\r\n", func(r *Rejection) { r.Header.Add("transfer-encoding", "chunked") },
			[]string{"HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close", "", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, Config{Rejected: tt.rejected}, server.ApplicationFunc(func(*server.Features) error {
					return &server.BadRequestError{Status: 413, Reason: "too_long"}
				}))
				c := s.dial()
				c.write(tt.send)
				c.want("the answer", tt.want...)
				c.wantClosed("the connection ends in any case")
				standard := strings.Contains(tt.want[1], " 0") && tt.want[0] == "HTTP/1.1 400 Bad Request"
				if logged := s.logged.above(); standard != (len(logged) == 1) {
					t.Errorf("logged %q, want the mistake and nothing else", logged)
				}
			})
		})
	}
}

func TestARejectionSaysWhatWasRejected(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got Rejection
		s := serve(t, Config{Rejected: func(r *Rejection) { got = *r }}, httpApp(hello))
		c := s.dial()
		c.write("GET /a?b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
		io.Copy(io.Discard, c)
		synctest.Wait()
		if got.Method != "GET" || got.Target != "/a?b" || got.Protocol != "HTTP/1.1" || got.Reason != "invalid_request_headers" ||
			got.Detail == "" || got.RemoteAddr != "client" || got.Endpoint != "test" || len(got.ConnectionID) != 13 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAnAnswerToARejectionIsLoggedAsItWasSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t)
		s := serve(t, Config{AccessLog: l.log, Rejected: func(r *Rejection) { r.Status, r.Body = 422, bytes.Repeat([]byte("x"), 1000) }}, httpApp(
			func(w http.ResponseWriter, r *http.Request) {}))
		c := s.dial()
		c.write("nonsense\r\n\r\n")
		io.Copy(io.Discard, c)
		l.want("the answer that was sent", map[string]any{"status": 422, "response_bytes": 1000, "reason": "invalid_request_line"})
	})
}
