package forwarder

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/lannerhq/lanner/server"
)

// echoSockets is a worker with a WebSocket that echoes.
func echoSockets(t *testing.T) string {
	return workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}, CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)
		for {
			kind, data, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if c.Write(r.Context(), kind, data) != nil {
				return
			}
		}
	})
}

func TestWebSocketsPass(t *testing.T) {
	u := upstreamOf(t, echoSockets(t), Options{Token: "secret"})
	front := frontOf(t, u)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, res, err := websocket.Dial(ctx, front.URL, &websocket.DialOptions{Subprotocols: []string{"chat"}, CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	if !strings.Contains(res.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") || c.Subprotocol() != "chat" {
		t.Errorf("bytes are copied, not frames, so what the ends agree on passes: %v", res.Header)
	}
	big := make([]byte, 300000)
	rand.Read(big)
	for _, data := range [][]byte{[]byte("hello"), {}, big} {
		if err := c.Write(ctx, websocket.MessageBinary, data); err != nil {
			t.Fatal(err)
		}
		_, got, err := c.Read(ctx)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes came back of %d: %v", len(got), len(data), err)
		}
	}
	if s := u.Stats(); s.Tunnels != 1 || s.Active != 1 {
		t.Errorf("an upgraded connection is a request that runs: %+v", s)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("the closing handshake passes: %v", err)
	}
	eventually(t, "the tunnel ends", func() bool { return u.Active() == 0 })
	if s := u.Stats(); s.BytesSent < 300000 || s.BytesReceived < 300000 || s.Idle != 0 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestARefusedUpgradeIsAnOrdinaryResponse(t *testing.T) {
	u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no", http.StatusForbidden)
	}), Options{})
	_, res, err := websocket.Dial(t.Context(), frontOf(t, u).URL, nil)
	if err == nil || res == nil || res.StatusCode != 403 {
		t.Errorf("want a 403, got %v, %v", res, err)
	}
	if s := u.Stats(); s.Idle != 1 {
		t.Errorf("the connection to the worker is as good as before: %+v", s)
	}
}

// upgraded opens a raw tunnel to script, which gets the connection after its 101.
func upgraded(t *testing.T, u *Upstream) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	front := frontOf(t, u)
	conn, err := net.Dial("tcp", strings.TrimPrefix(front.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nearly")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "raw" || res.Header.Get("Connection") != "Upgrade" {
		t.Fatalf("want a 101, got %+v, %v", res, err)
	}
	return conn.(*net.TCPConn), r
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"

func TestBytesAroundTheSwitchAreNotLost(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(switching + "at once")
		c.send(c.body(5))
		c.head()
	})
	_, r := upgraded(t, upstreamOf(t, w.addr(), Options{}))
	got := make([]byte, len("at onceearly"))
	if _, err := io.ReadFull(r, got); string(got) != "at onceearly" {
		t.Errorf("what follows the 101, and what follows the request, belongs to the tunnel: %q, %v", got, err)
	}
}

func TestAClientThatHasFinishedStillGetsTheRest(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(switching)
		all, _ := io.ReadAll(c.r) // to the client's end
		c.send("got " + string(all))
	})
	conn, r := upgraded(t, upstreamOf(t, w.addr(), Options{}))
	io.WriteString(conn, " and late")
	conn.CloseWrite()
	if got, err := io.ReadAll(r); string(got) != "got early and late" || err != nil {
		t.Errorf("half a close is half an end: %q, %v", got, err)
	}
}

func TestAWorkerThatDiesEndsTheTunnel(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(switching)
		c.body(5)
		c.reset()
	})
	u := upstreamOf(t, w.addr(), Options{})
	_, r := upgraded(t, u)
	if got, _ := io.ReadAll(r); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	eventually(t, "the tunnel ends", func() bool { return u.Active() == 0 })
}

func TestAClientMayNotKeepATunnelThatTheWorkerHasLeft(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(switching)
		c.body(5)
		c.Conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c.r)
	})
	u := upstreamOf(t, w.addr(), Options{RequestTimeout: 200 * time.Millisecond})
	_, r := upgraded(t, u)
	io.ReadAll(r) // the worker's end; the client does nothing about it
	eventually(t, "the tunnel ends", func() bool { return u.Active() == 0 })
}

func TestCloseEndsTunnels(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.head()
		c.send(switching)
		io.Copy(io.Discard, c.r)
	})
	u := upstreamOf(t, w.addr(), Options{})
	_, r := upgraded(t, u)
	eventually(t, "the tunnel is open", func() bool { return u.Stats().Tunnels == 1 })
	u.Close()
	if _, err := io.ReadAll(r); err != nil {
		t.Logf("the client sees %v", err)
	}
	if err := u.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// extendedConnect is a WebSocket on a stream of HTTP/2 (RFC 8441).
type extendedConnect struct {
	conn     net.Conn
	accepted bool
}

func (e *extendedConnect) ConnectProtocol() string          { return "websocket" }
func (e *extendedConnect) AcceptConnect() (net.Conn, error) { e.accepted = true; return e.conn, nil }

func TestAWebSocketOnAStreamBecomesAHandshake(t *testing.T) {
	u := upstreamOf(t, echoSockets(t), Options{})
	here, there := net.Pipe()
	c := newClient("CONNECT", "/chat", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: chat")
	c.protocol = "HTTP/2"
	stream := &extendedConnect{conn: there}
	server.Set[server.ExtendedConnectFeature](&c.features, stream)
	done := make(chan error)
	go func() { done <- c.forward(u) }()
	here.Write([]byte{0x81, 0x82, 0, 0, 0, 0, 'h', 'i'}) // a masked text frame
	frame := make([]byte, 4)
	if _, err := io.ReadFull(here, frame); err != nil || string(frame) != "\x81\x02hi" {
		t.Errorf("the worker's frame: %q, %v", frame, err)
	}
	here.Close()
	if err := <-done; err != nil || !stream.accepted || c.response.Get("Sec-WebSocket-Protocol") != "chat" || c.response.Get("Sec-WebSocket-Accept") != "" {
		t.Errorf("accepted %v, fields %v, %v", stream.accepted, fieldsOf(&c.response), err)
	}
}

func TestAnAcceptThatDoesNotMatchIsRefused(t *testing.T) {
	w := startWorker(t, answering("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"))
	c := newClient("CONNECT", "/chat")
	stream := &extendedConnect{}
	server.Set[server.ExtendedConnectFeature](&c.features, stream)
	asUpstreamError(t, c.forward(upstreamOf(t, w.addr(), Options{})), 502, ReasonInvalidResponse, false)
	if stream.accepted {
		t.Error("the stream was accepted")
	}
}
