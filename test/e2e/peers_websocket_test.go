//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// wantEcho drives every side of a WebSocket against an echo server at url: see echoMessages and testdata/node/echo.js.
func wantEcho(t *testing.T, url string, options *websocket.DialOptions) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), peerTimeout)
	defer cancel()
	c := dialEcho(t, ctx, url, options)
	defer c.CloseNow()
	million, _ := io.ReadAll(newPattern(1 << 20))
	for what, m := range map[string]struct {
		kind websocket.MessageType
		data []byte
	}{
		"text":           {websocket.MessageText, []byte("grüß Gott")},
		"binary":         {websocket.MessageBinary, []byte{0, 1, 0xff, 0x80}},
		"an empty one":   {websocket.MessageText, nil},
		"one of 1 MiB":   {websocket.MessageBinary, million},
		"one of 200 KiB": {websocket.MessageText, bytes.Repeat([]byte("0123456789"), 20<<10)},
	} {
		if err := c.Write(ctx, m.kind, m.data); err != nil {
			t.Fatalf("message (%s): %v", what, err)
		}
		kind, data, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("echo of a message (%s): %v", what, err)
		}
		if kind != m.kind || !bytes.Equal(data, m.data) {
			t.Errorf("the echo of a message (%s) is a %v of %d octets, want the same %v of %d", what, kind, len(data), m.kind, len(m.data))
		}
	}

	pinged := make(chan error, 1)
	go func() { pinged <- c.Ping(ctx) }() // the pong comes while somebody reads
	reading, stopReading := context.WithCancel(ctx)
	read := make(chan error, 1)
	go func() {
		_, _, err := c.Read(reading)
		read <- err
	}()
	if err := <-pinged; err != nil {
		t.Errorf("a ping is answered: %v", err)
	}
	stopReading()
	<-read // this library ends a connection whose Read was cancelled
	c.CloseNow()

	c = dialEcho(t, ctx, url, options)
	if err := c.Write(ctx, websocket.MessageText, []byte("close 4001")); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.Read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != 4001 || closed.Reason != "as asked" {
		t.Errorf("the server closes with 4001 and a reason, the client gets %v", err)
	}
	c.CloseNow()

	c = dialEcho(t, ctx, url, options)
	if err := c.Close(4002, "enough"); err != nil {
		t.Errorf("the client closes with 4002, and the server answers its close frame: %v", err)
	}
}

func dialEcho(t *testing.T, ctx context.Context, url string, options *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	c, resp, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1), options)
	if err != nil {
		if resp != nil {
			t.Fatalf("%s: %v (%s)", url, err, resp.Status)
		}
		t.Fatalf("%s: %v", url, err)
	}
	c.SetReadLimit(maxMessage)
	return c
}

var peerSite = strings.Replace(inProcessSite, "LANNER_E2E_PROGRAM: app", "LANNER_E2E_PROGRAM: peer", 1)

var peerModels = map[string]string{"in-process": peerSite, "out-of-process": strings.Replace(peerSite, "inprocess", "outofprocess", 1)}

func TestWebSocketsOfAnOrdinaryLibraryWork(t *testing.T) {
	t.Run("kestrel alone", func(t *testing.T) {
		wantEcho(t, "http://"+startKestrel(t, "peer", t.TempDir())+"/ws", nil)
	})
	for name, yaml := range peerModels {
		t.Run(name, func(t *testing.T) {
			wantEcho(t, startHost(t, yaml).urls[0]+"/ws", nil)
		})
	}
}

func TestWebSocketsGoOverTLS(t *testing.T) {
	inBothModels(t, func(t *testing.T, yaml string) {
		r, _ := startSecure(t, strings.Replace(yaml, "LANNER_E2E_PROGRAM: app", "LANNER_E2E_PROGRAM: peer", 1))
		wantEcho(t, r.urls[0]+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: r.client.Transport}})
	})
}

func TestWebSocketsCanBeSwitchedOff(t *testing.T) {
	r := startHost(t, strings.Replace(peerModels["out-of-process"], "hosting:", "websockets: false\n        hosting:", 1))
	_, resp, err := websocket.Dial(t.Context(), strings.Replace(r.urls[0], "http", "ws", 1)+"/ws", nil)
	if err == nil || resp == nil || resp.StatusCode == http.StatusSwitchingProtocols {
		t.Errorf("websockets: false, but the connection was upgraded (%v)", resp)
	}
}
