package compat

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
)

// Opcodes of WebSocket frames (RFC 6455 §5.2).
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// socket is the client's side of a WebSocket on a stream.
type socket struct {
	*connectStream
	r *bufio.Reader
}

func (c *connectConn) socket(t *testing.T) *socket {
	t.Helper()
	s := c.open(false, ":method", "CONNECT", ":protocol", "websocket", ":path", "/chat?room=1", "origin", c.scheme+"://test.example",
		"sec-websocket-version", "13", "sec-websocket-protocol", "echo")
	header, err := s.head()
	if err != nil || header[":status"] != "200" || header["sec-websocket-protocol"] != "echo" {
		t.Errorf("the handshake is answered by %v, %v, want 200 and the subprotocol", header, err)
	}
	for _, name := range []string{"connection", "upgrade", "sec-websocket-accept", "content-length"} {
		if value, ok := header[name]; ok {
			t.Errorf("the answer has %s: %s, which is not for HTTP/2 (RFC 8441 §5)", name, value)
		}
	}
	return &socket{s, bufio.NewReader(s)}
}

// write sends a frame, masked as a client's must be (RFC 6455 §5.3).
func (s *socket) write(final bool, op byte, payload []byte) error {
	frame := []byte{op, 0x80}
	if final {
		frame[0] |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		frame[1] |= byte(n)
	case n < 1<<16:
		frame[1] |= 126
		frame = binary.BigEndian.AppendUint16(frame, uint16(n))
	default:
		frame[1] |= 127
		frame = binary.BigEndian.AppendUint64(frame, uint64(n))
	}
	mask := [4]byte{0x12, 0xa4, byte(len(payload)), 0x7f}
	frame = append(frame, mask[:]...)
	for i, b := range payload {
		frame = append(frame, b^mask[i%4])
	}
	_, err := s.Write(frame)
	return err
}

// read receives a frame.
func (s *socket) read() (final bool, op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return false, 0, nil, err
	}
	size := uint64(head[1] & 0x7f)
	if head[1]&0x80 != 0 || head[0]&0x70 != 0 {
		return false, 0, nil, fmt.Errorf("a server's frame begins with %x: it is masked or has reserved bits", head)
	}
	switch size {
	case 126:
		var n uint16
		err = binary.Read(s.r, binary.BigEndian, &n)
		size = uint64(n)
	case 127:
		err = binary.Read(s.r, binary.BigEndian, &size)
	}
	if err != nil {
		return false, 0, nil, err
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(s.r, payload)
	return head[0]&0x80 != 0, head[0] & 15, payload, err
}

// message receives all frames of a message.
func (s *socket) message() (op byte, message []byte, err error) {
	for {
		final, kind, payload, err := s.read()
		if err != nil {
			return 0, nil, err
		}
		if kind != opContinuation {
			op = kind
		}
		if message = append(message, payload...); final {
			return op, message, nil
		}
	}
}

func (s *socket) wantMessage(t *testing.T, what string, op byte, want []byte) {
	t.Helper()
	if gotOp, got, err := s.message(); err != nil || gotOp != op || !bytes.Equal(got, want) {
		t.Errorf("%s: got opcode %d with %d bytes, %v, want %d with %d", what, gotOp, len(got), err, op, len(want))
	}
}

// talk does all that an echo server must understand.
func (s *socket) talk(t *testing.T) {
	t.Helper()
	echo := func(what string, op byte, message []byte) {
		t.Helper()
		if err := s.write(true, op, message); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		s.wantMessage(t, what, op, message)
	}
	echo("text", opText, []byte("grüß Gott"))
	echo("binary", opBinary, []byte{0, 1, 0xff, 0x80})
	echo("an empty message", opText, nil)
	for _, n := range []int{125, 126, 65535, 65536, largeMessage} {
		echo(fmt.Sprint(n, " bytes"), opBinary, pattern(n))
	}
	for i, part := range []string{"in ", "three ", "pieces"} {
		op := byte(opContinuation)
		if i == 0 {
			op = opText
		}
		if err := s.write(i == 2, op, []byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	s.wantMessage(t, "a message in fragments", opText, []byte("in three pieces"))
	if err := s.write(true, opPing, []byte("are you there?")); err != nil {
		t.Fatal(err)
	}
	s.wantMessage(t, "the answer to a ping", opPong, []byte("are you there?"))
}

// finish is the closing handshake (RFC 6455 §7.1.2), behind which the stream ends on both sides.
func (s *socket) finish(t *testing.T) {
	t.Helper()
	if err := s.write(true, opClose, append([]byte{1000 >> 8, 1000 & 0xff}, "done"...)); err != nil {
		t.Fatal(err)
	}
	_, op, payload, err := s.read()
	if err != nil || op != opClose || len(payload) < 2 || binary.BigEndian.Uint16(payload) != 1000 {
		t.Errorf("the answer to the close frame: opcode %d, %q, %v", op, payload, err)
	}
	if err := s.end(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(s.r); len(rest) > 0 || err != nil {
		t.Errorf("behind the close frame: %q, %v, want the stream's end", rest, err)
	}
}

func TestWebSocketLibrariesOnHTTP2(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		closed := make(chan int, 1)
		for name, handler := range echoServers(t, closed) {
			t.Run(name, func(t *testing.T) {
				s := dialConnect(t, serve(handler)).socket(t)
				s.talk(t)
				s.finish(t)
				wantClosed(t, closed)
			})
		}
	})
}

func TestManyWebSocketsShareAConnectionWithRequests(t *testing.T) {
	const sockets, requests = 30, 60 // together fewer than the server allows at once
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		closed := make(chan int, sockets)
		for name, echo := range echoServers(t, closed) {
			t.Run(name, func(t *testing.T) {
				mux := http.NewServeMux()
				mux.Handle("/chat", echo)
				mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.Write(pattern(10_000)) })
				c := dialConnect(t, serve(mux))
				var all sync.WaitGroup
				for range sockets {
					all.Go(func() {
						s := c.socket(t)
						for n := range 20 {
							message := pattern(n * 300)
							if err := s.write(true, opBinary, message); err != nil {
								t.Errorf("message %d: %v", n, err)
								return
							}
							s.wantMessage(t, fmt.Sprint("message ", n), opBinary, message)
						}
						s.finish(t)
					})
				}
				for range requests {
					all.Go(func() {
						s := c.open(true, ":method", "GET", ":path", "/")
						header, err := s.head()
						if err != nil && err != io.EOF || header[":status"] != "200" {
							t.Errorf("a request beside: %v, %v", header, err)
							return
						}
						if body, err := io.ReadAll(s); err != nil || !bytes.Equal(body, pattern(10_000)) {
							t.Errorf("a request beside: %d bytes, %v", len(body), err)
						}
					})
				}
				all.Wait()
				for range sockets {
					wantClosed(t, closed)
				}
			})
		}
	})
}

func TestAWebSocketOnHTTP2EndsWithItsStream(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		closed := make(chan int, 1)
		for name, echo := range echoServers(t, closed) {
			c := dialConnect(t, serve(echo))
			for how, end := range map[string]func(*socket) error{
				"resets it": func(s *socket) error { return s.reset() }, "ends its side": func(s *socket) error { return s.end() },
			} {
				s := c.socket(t)
				if err := end(s); err != nil {
					t.Fatal(err)
				}
				if status := wait(t, closed, name+" sees that the client "+how); status == 1000 {
					t.Errorf("%s: the client %s without a close frame, and the server sees a normal end", name, how)
				}
			}
			c.socket(t).finish(t)
			wantClosed(t, closed)
		}
	})
}
