package http3_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// TestExtendedCONNECTGivesTheStream is RFC 9220, with a handler that hijacks as a WebSocket library does on HTTP/1.1.
func TestExtendedCONNECTGivesTheStream(t *testing.T) {
	handed := make(chan string, 1)
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		handed <- q.Method + " " + q.Header.Get("Upgrade") + " " + q.Header.Get("Connection")
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
		io.Copy(conn, rw)
	}))
	x := r.raw()
	s := x.stream(false, headers(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a.test", ":path", "/chat", "sec-websocket-version", "13"),
		frame(0, []byte("ping")))
	if got, want := <-handed, "GET websocket Upgrade"; got != want {
		t.Errorf("the handler saw %q, want %q", got, want)
	}
	s.Write(frame(0, []byte("pong")))
	s.Close()
	a := x.answer(s)
	if a.status() != "200" || string(a.content) != "pingpong" || a.err != nil {
		t.Errorf("it is answered %v %q, %v", a.heads, a.content, a.err)
	}
	for _, f := range a.heads[0] {
		if f.Name == "upgrade" || f.Name == "connection" {
			t.Errorf("the answer has %v", f)
		}
	}
}

func TestAcceptConnectGivesTheStream(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		connect, ok := server.From[server.ExtendedConnectFeature](q.Context())
		if !ok {
			return
		}
		w.Header().Set("X-Own", "yes")
		conn, err := connect.AcceptConnect()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, connect.ConnectProtocol())
	}))
	x := r.raw()
	a := x.answer(x.stream(false, headers(":method", "CONNECT", ":protocol", "own", ":scheme", "https", ":authority", "a.test", ":path", "/")))
	if a.status() != "200" || string(a.content) != "own" || a.err != nil {
		t.Errorf("it is answered %v %q, %v", a.heads, a.content, a.err)
	}
	x.wantServed()
}
