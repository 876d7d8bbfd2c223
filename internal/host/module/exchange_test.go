//go:build unix

package module

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestShutdownMessageIsExactlyTheModules(t *testing.T) {
	m := message{method: "POST", target: "/sub/iisintegration", host: "shop.example", event: "shutdown", token: TokenFrom("abc")}
	got, err := m.head(5000)
	if err != nil {
		t.Fatal(err)
	}
	want := "POST /sub/iisintegration HTTP/1.1\r\nHost: shop.example\r\nMS-ASPNETCORE-EVENT: shutdown\r\n" +
		"MS-ASPNETCORE-TOKEN: abc\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	if string(got) != want {
		t.Errorf("message %q, want %q", got, want)
	}
	m.host = ""
	if got, _ = m.head(5000); !strings.Contains(string(got), "\r\nHost: 127.0.0.1:5000\r\n") {
		t.Errorf("without a host name it is the address: %q", got)
	}
}

func TestMessageCannotBeSplit(t *testing.T) {
	for _, m := range []message{
		{method: "GET", target: "/", host: "a\r\nX: y"},
		{method: "GET", target: "/", token: TokenFrom("a\r\nX: y")},
		{method: "GET", target: "/ HTTP/1.1\r\nX: y"},
		{method: "GET", target: "http://other/"},
		{method: "GET", target: ""},
	} {
		if head, err := m.head(80); err == nil {
			t.Errorf("%q must not be sent", head)
		}
	}
}

func TestStatusIsReadFromTheFinalAnswer(t *testing.T) {
	cases := []struct {
		why, in string
		status  int
		err     error
	}{
		{"accepted", "HTTP/1.1 202 Accepted\r\n\r\n", 202, nil},
		{"no reason", "HTTP/1.1 202\r\n", 202, nil},
		{"HTTP/1.0, bare LF", "HTTP/1.0 404 Not Found\n\n", 404, nil},
		{"interim answers are passed over", "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 202 Accepted\r\n", 202, nil},
		{"not HTTP", "SSH-2.0-x\r\n", 0, errAnswer},
		{"HTTP/2", "HTTP/2 200\r\n", 0, errAnswer},
		{"no number", "HTTP/1.1 abc\r\n", 0, errAnswer},
		{"four digits", "HTTP/1.1 2022 x\r\n", 0, errAnswer},
		{"below 100", "HTTP/1.1 099 x\r\n", 0, errAnswer},
		{"a line without end", strings.Repeat("x", maxAnswer+1), 0, errAnswer},
		{"interim answers without end", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", maxAnswer/10), 0, errAnswer},
	}
	for _, c := range cases {
		status, err := readStatus(bufio.NewReaderSize(strings.NewReader(c.in), maxAnswer))
		if status != c.status || !errors.Is(err, c.err) {
			t.Errorf("%s: %d, %v, want %d, %v", c.why, status, err, c.status, c.err)
		}
	}
	if _, err := readStatus(bufio.NewReader(strings.NewReader("HTTP/1.1 2"))); err == nil || errors.Is(err, errAnswer) {
		t.Errorf("a connection that ends is no answer: %v", err)
	}
}

func FuzzReadStatus(f *testing.F) {
	f.Add("HTTP/1.1 202 Accepted\r\n\r\n")
	f.Add("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		status, err := readStatus(bufio.NewReaderSize(strings.NewReader(s), maxAnswer))
		if err == nil && (status < 101 || status > 999) {
			t.Errorf("%q gives status %d", s, status)
		}
	})
}

func TestMessageToNobodyFailsAndWaitsForNobodyLongerThanTold(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = Shutdown(ctx, port, "/", "", NewToken(), HTTP1) // nobody accepts, so nobody answers
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v: the limit was reached", err)
	}
	l.Close()
	if err := Shutdown(t.Context(), port, "/", "", NewToken(), HTTP1); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nobody listens: %v", err)
	}
}
