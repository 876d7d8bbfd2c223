package compat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// largeMessage is more than any buffer on its way.
const largeMessage = 1 << 20

// echoServers are the same server, which echoes until the client closes, made with two libraries.
func echoServers(t *testing.T, closed chan<- int) map[string]http.Handler {
	return map[string]http.Handler{
		"coder": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := coder.Accept(w, r, &coder.AcceptOptions{Subprotocols: []string{"echo"}, CompressionMode: coder.CompressionContextTakeover})
			if err != nil {
				if r.Header.Get("Upgrade") != "" {
					t.Errorf("coder: Accept: %v", err)
				}
				return
			}
			defer c.CloseNow()
			c.SetReadLimit(2 * largeMessage)
			for {
				kind, message, err := c.Read(r.Context())
				if err != nil {
					closed <- int(coder.CloseStatus(err))
					return
				}
				if err := c.Write(r.Context(), kind, message); err != nil {
					t.Errorf("coder: Write: %v", err)
					return
				}
			}
		}),
		"gorilla": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			upgrader := gorilla.Upgrader{Subprotocols: []string{"echo"}, EnableCompression: true}
			c, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				if r.Header.Get("Upgrade") != "" {
					t.Errorf("gorilla: Upgrade: %v", err)
				}
				return
			}
			defer c.Close()
			for {
				kind, message, err := c.ReadMessage()
				if err != nil {
					closed <- gorillaStatus(err)
					return
				}
				if err := c.WriteMessage(kind, message); err != nil {
					t.Errorf("gorilla: WriteMessage: %v", err)
					return
				}
			}
		}),
	}
}

func gorillaStatus(err error) int {
	var closed *gorilla.CloseError
	if errors.As(err, &closed) {
		return closed.Code
	}
	return -1
}

func TestWebSocketLibrariesTalkToEachOther(t *testing.T) {
	onHTTP1(t, func(t *testing.T, serve func(http.Handler) *site) {
		closed := make(chan int, 1)
		for name, handler := range echoServers(t, closed) {
			s := serve(handler)
			t.Run(name+" serves coder", func(t *testing.T) { talkCoder(t, s.Addr); wantClosed(t, closed) })
			t.Run(name+" serves gorilla", func(t *testing.T) { talkGorilla(t, s.Addr); wantClosed(t, closed) })
			plain := s.get(t, "/")
			if plain.StatusCode != 426 && plain.StatusCode != 400 {
				t.Errorf("%s: a request that is no handshake: %d, want 426 or 400", name, plain.StatusCode)
			}
		}
	})
}

func wantClosed(t *testing.T, closed <-chan int) {
	t.Helper()
	if status := wait(t, closed, "the server sees the close"); status != 1000 {
		t.Errorf("the server sees the close status %d, want 1000", status)
	}
}

func talkCoder(t *testing.T, addr string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, res, err := coder.Dial(ctx, "ws://"+addr+"/", &coder.DialOptions{Subprotocols: []string{"echo"}, CompressionMode: coder.CompressionContextTakeover})
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	defer c.CloseNow()
	c.SetReadLimit(2 * largeMessage)
	wantHandshake(t, res, c.Subprotocol())
	for i, message := range messages() {
		kind := coder.MessageText
		if i%2 == 1 {
			kind = coder.MessageBinary
		}
		if err := c.Write(ctx, kind, message); err != nil {
			t.Fatalf("message %d: Write: %v", i, err)
		}
		gotKind, got, err := c.Read(ctx)
		if err != nil || gotKind != kind || !bytes.Equal(got, message) {
			t.Fatalf("message %d: got %d bytes of kind %v (%v), want its %d bytes back", i, len(got), gotKind, err, len(message))
		}
	}
	reading := c.CloseRead(ctx)
	if err := c.Ping(ctx); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if err := c.Close(coder.StatusNormalClosure, "done"); err != nil {
		t.Errorf("Close: %v, want the server's close frame", err)
	}
	<-reading.Done()
}

func talkGorilla(t *testing.T, addr string) {
	dialer := gorilla.Dialer{Subprotocols: []string{"echo"}, EnableCompression: true, HandshakeTimeout: patience}
	c, res, err := dialer.DialContext(t.Context(), "ws://"+addr+"/", nil)
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	defer c.Close()
	deadline := time.Now().Add(patience)
	c.SetReadDeadline(deadline)
	c.SetWriteDeadline(deadline)
	wantHandshake(t, res, c.Subprotocol())
	pong := ""
	c.SetPongHandler(func(data string) error { pong = data; return nil })
	if err := c.WriteControl(gorilla.PingMessage, []byte("are you there?"), deadline); err != nil {
		t.Errorf("ping: %v", err)
	}
	for i, message := range messages() {
		kind := gorilla.TextMessage
		if i%2 == 1 {
			kind = gorilla.BinaryMessage
		}
		if err := c.WriteMessage(kind, message); err != nil {
			t.Fatalf("message %d: WriteMessage: %v", i, err)
		}
		gotKind, got, err := c.ReadMessage()
		if err != nil || gotKind != kind || !bytes.Equal(got, message) {
			t.Fatalf("message %d: got %d bytes of kind %v (%v), want its %d bytes back", i, len(got), gotKind, err, len(message))
		}
	}
	if pong != "are you there?" {
		t.Errorf("the pong says %q", pong)
	}
	if err := c.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, "done"), deadline); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, _, err := c.ReadMessage(); gorillaStatus(err) != 1000 {
		t.Errorf("after the close: %v, want the server's close frame", err)
	}
}

func wantHandshake(t *testing.T, res *http.Response, subprotocol string) {
	t.Helper()
	if res.StatusCode != 101 || subprotocol != "echo" || !strings.HasPrefix(res.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate") {
		t.Errorf("handshake: %d, subprotocol %q, extensions %q, want 101, echo and compression", res.StatusCode, subprotocol, res.Header.Get("Sec-Websocket-Extensions"))
	}
}

// messages are text and binary in turn.
func messages() [][]byte {
	all := [][]byte{[]byte("hello"), pattern(1), {}, pattern(125), []byte(strings.Repeat("compressible ", 5000)), pattern(largeMessage)}
	for i := range 50 {
		all = append(all, fmt.Appendf(nil, "message %d", i))
	}
	return all
}
