package load

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestTheTwoKindsAreToldApart(t *testing.T) {
	const nap = 30 * time.Millisecond
	var fast, slow atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() == "/slow?ms=30" {
			slow.Add(1)
			time.Sleep(nap)
		} else {
			fast.Add(1)
		}
		io.WriteString(w, r.URL.Path)
	}))
	defer s.Close()
	var stdout bytes.Buffer
	args := "mix -conns 8 -for 500ms -fast /fast -slow /slow?ms=30 -every 4 -addr " + strings.TrimPrefix(s.URL, "http://")
	if status := Main(t.Context(), strings.Fields(args), &stdout, t.Output()); status != 0 {
		t.Fatalf("status %d", status)
	}
	m, err := ParseMix(stdout.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if m.Slow.Requests == 0 || m.Slow.P50 < float64(nap.Microseconds()) {
		t.Errorf("slow requests: %+v, want some, of at least %v", m.Slow, nap)
	}
	if m.Seconds < 0.5 {
		t.Errorf("it took %v s, want at least half a second", m.Seconds)
	}
	asked, answered := fast.Load()+slow.Load(), m.Requests()
	if answered > asked || asked > answered+8 {
		t.Errorf("the server was asked %d times, %d answers are counted: at most the 8 that are under way at the end may be missing", asked, answered)
	}
	if want := asked / 4; slow.Load() < want-8 || slow.Load() > want+8 {
		t.Errorf("%d of %d requests were slow, want one of four", slow.Load(), asked)
	}
	if f := fast.Load(); m.Fast.Requests > f || m.Fast.Requests < f-8 {
		t.Errorf("%d fast requests are counted, the server saw %d", m.Fast.Requests, f)
	}
}

func TestWithoutSlowRequestsAllAreOfOneKind(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }))
	defer s.Close()
	m, err := (mixOptions{addr: strings.TrimPrefix(s.URL, "http://"), conns: 2, time: 50 * time.Millisecond, fast: "/"}).run(t.Context())
	if err != nil || m.Fast.Requests == 0 || m.Slow != (Kind{}) {
		t.Errorf("%+v, %v, want fast requests only", m, err)
	}
}

func TestWhatAServerDoesWrongIsAnError(t *testing.T) {
	for text, serve := range map[string]func(net.Conn){
		"503 Service":         func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\n\r\n") },
		"closed a connection": func(conn net.Conn) {},
		"follow an answer":    func(conn net.Conn) { io.WriteString(conn, answer+"more") },
		"has no Content-Length": func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
		},
	} {
		addr := listen(t, func(conn net.Conn) {
			defer conn.Close()
			conn.Read(make([]byte, 1024))
			serve(conn)
		})
		m, err := (mixOptions{addr: addr, conns: 1, time: time.Minute, fast: "/"}).run(t.Context())
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v, %v, want an error with %q", m, err, text)
		}
	}
}

func TestRequestsThatAreNeverAnsweredAreAnError(t *testing.T) {
	addr := listen(t, func(conn net.Conn) {
		defer conn.Close()
		io.Copy(io.Discard, conn)
	})
	_, err := (mixOptions{addr: addr, conns: 3, time: patience + 100*time.Millisecond, fast: "/"}).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "3 of 3 connections have waited") {
		t.Errorf("%v, want to be told of the three", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (mixOptions{addr: addr, conns: 1, time: time.Minute, fast: "/"}).run(ctx); err == nil {
		t.Error("a load that was cancelled goes on")
	}
}
