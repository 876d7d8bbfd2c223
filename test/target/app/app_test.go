package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/lannerhq/lanner/test/target/app"
)

// get returns status line, header and body of a GET.
func get(t *testing.T, addr, target string) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: patience}
	res, err := client.Get("http://" + addr + target)
	if err != nil {
		t.Fatalf("GET %s: %v", target, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("GET %s: reading the body: %v", target, err)
	}
	return res, string(body)
}

func TestPathsAnswerWhatTheirListSays(t *testing.T) {
	onAll(t, func(t *testing.T, addr string) {
		for _, tt := range []struct {
			target, contentType, body, why string
			length                         int64
		}{
			{"/", "text/plain", "Hello, World!", "the greeting, with its length", 13},
			{"/plaintext", "text/plain", "Hello, World!", "the same", 13},
			{"/json", "application/json", `{"message":"Hello, World!"}`, "as JSON", 27},
			{"/bytes?n=20", "application/octet-stream", "0123456789abcdef0123", "so many bytes, with their length", 20},
			{"/slow?ms=1", "text/plain", "waited 1 ms\n", "after the wait", 12},
			{"/stream?n=3&ms=1", "text/plain", "chunk 1\nchunk 2\nchunk 3\n", "chunks have no length in advance", -1},
			{"/file?name=hello.txt", "text/plain; charset=utf-8", "Hello, File!\n", "a file has its length and type", 13},
		} {
			res, body := get(t, addr, tt.target)
			if res.StatusCode != 200 || body != tt.body || res.Header.Get("Content-Type") != tt.contentType || res.ContentLength != tt.length {
				t.Errorf("GET %s: %s, %s, length %d, %.60q, want 200, %s, %d, %q: %s", tt.target, res.Status,
					res.Header.Get("Content-Type"), res.ContentLength, body, tt.contentType, tt.length, tt.body, tt.why)
			}
		}
		res, body := get(t, addr, "/trailers")
		if res.Trailer.Get("X-Count") != "38" || len(res.Trailer.Get("X-Checksum")) != 64 || len(body) != 38 {
			t.Errorf("GET /trailers: body %q, trailers %v, want both fields after the 38 bytes", body, res.Trailer)
		}
	})
}

func TestHeadersShowsWhatTheApplicationSees(t *testing.T) {
	onAll(t, func(t *testing.T, addr string) {
		_, body := get(t, addr, "/headers?q=1")
		var v struct {
			Method, Scheme, Host, PathBase, Path, RawQuery, Protocol, RemoteAddr string
			Headers                                                              map[string][]string
		}
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatalf("%q is not JSON: %v", body, err)
		}
		if v.Method != "GET" || v.Scheme != "http" || v.Host != addr || v.PathBase != "" || v.Path != "/headers" ||
			v.RawQuery != "q=1" || v.Protocol != "HTTP/1.1" || !strings.HasPrefix(v.RemoteAddr, "127.0.0.1:") {
			t.Errorf("the application says that it sees %+v", v)
		}
		if len(v.Headers["Accept-Encoding"]) != 1 || v.Headers["Host"] != nil {
			t.Errorf("header fields %v, want those that were sent, without Host, which is apart", v.Headers)
		}
	})
}

func TestEchoStreamsBothWays(t *testing.T) {
	onAll(t, func(t *testing.T, addr string) {
		conn, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		io.WriteString(conn, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("the response does not begin before the body has ended: %v", err)
		}
		for _, part := range []string{"ping", "pong"} {
			buf := make([]byte, 4)
			if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != part {
				t.Fatalf("got %q, %v, want %q back before more is sent", buf, err, part)
			}
			if part == "ping" {
				io.WriteString(conn, "4\r\npong\r\n0\r\n\r\n")
			}
		}
		if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
			t.Errorf("after the echo: %q, %v, want the end", rest, err)
		}
	})
}

func TestABodyThatBreaksOffIsNotAnsweredAsWhole(t *testing.T) {
	onAll(t, func(t *testing.T, addr string) {
		for _, path := range []string{"/echo", "/discard"} {
			conn, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(time.Now().Add(patience))
			io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
			conn.(*net.TCPConn).CloseWrite()
			answer, _ := io.ReadAll(conn)
			conn.Close()
			if strings.HasSuffix(string(answer), "\r\n\r\nhello") && !strings.Contains(string(answer), "Content-Length: 10") || strings.HasSuffix(string(answer), "\r\n5") {
				t.Errorf("POST %s with half its body was answered as if it were whole: %q", path, answer)
			}
		}
	})
}

func TestSlowEndsWithItsClient(t *testing.T) {
	onAll(t, func(t *testing.T, addr string) {
		conn, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET /slow?ms=3600000 HTTP/1.1\r\nHost: a\r\n\r\n")
		conn.Close()
		// The server stops at the end of the test and waits for its requests: it would fail if this one went on.
	})
}

func TestWebSocketEchoes(t *testing.T) {
	onAll(t, func(t *testing.T, addr string) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/ws", nil)
		if err != nil {
			t.Fatalf("the handshake failed: %v", err)
		}
		defer conn.CloseNow()
		conn.SetReadLimit(1 << 20)
		for _, message := range []struct {
			kind websocket.MessageType
			text string
		}{{websocket.MessageText, "hello"}, {websocket.MessageBinary, strings.Repeat("x", 1<<20)}, {websocket.MessageText, ""}} {
			if err := conn.Write(ctx, message.kind, []byte(message.text)); err != nil {
				t.Fatalf("sending: %v", err)
			}
			kind, got, err := conn.Read(ctx)
			if err != nil || kind != message.kind || string(got) != message.text {
				t.Fatalf("got %v, %.20q, %v, want the message of %d bytes back", kind, got, err, len(message.text))
			}
		}
		if err := conn.Close(websocket.StatusNormalClosure, "done"); err != nil {
			t.Errorf("the closing handshake: %v", err)
		}
	})
}

func TestRemoveFilesLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	addr := onKestrel(t, app.Native())
	if _, body := get(t, addr, "/file?name=hello.txt"); body != "Hello, File!\n" {
		t.Errorf("the file is %q", body)
	}
	if err := app.RemoveFiles(); err != nil {
		t.Errorf("RemoveFiles: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "lanner-target-*")); len(left) > 0 {
		t.Errorf("these are left: %q", left)
	}
}
